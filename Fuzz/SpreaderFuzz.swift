import ArgumentParser

/// The command line of the fuzzers. Fuzzes footage by default.
@main
struct SpreaderFuzz: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spreader-fuzz", abstract: "Damage the program's input files and check how it handles them.",
        subcommands: [FuzzFootage.self, FuzzPipelines.self], defaultSubcommand: FuzzFootage.self)
}
