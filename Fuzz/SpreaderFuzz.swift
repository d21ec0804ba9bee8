import ArgumentParser

/// The fuzzers: footage when nothing is named.
@main
struct SpreaderFuzz: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spreader-fuzz", abstract: "Damage what the program reads, and see what it makes of it.",
        subcommands: [Fuzz.self, FuzzPipelines.self], defaultSubcommand: Fuzz.self)
}
