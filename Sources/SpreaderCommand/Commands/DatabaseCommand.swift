import ArgumentParser
import PipelineKit
import Store

/// `db`.
struct DatabaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "db",
        abstract: "Look after the database's schema.",
        discussion: """
            An SQLite file is brought up to date whenever it is opened. A PostgreSQL database that several machines share \
            is set up when it is first used; after that its schema changes only by `db migrate`, once no older version \
            works on it any more.
            """,
        subcommands: [Status.self, Migrate.self])

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the steps of the schema and whether each was taken; exits with 78 when one is missing.")

        @Option(help: ArgumentHelp("Database: sqlite:PATH or postgres://…", valueName: "url")) var db: String?
        @Option(help: "How to report: text or json.") var format: OutputFormat = .text

        func run() async throws {
            let settings = try await Command.settings()
            let steps = try await Command.orExit { () async throws(StageError) in
                try await DatabaseCommand.steps(settings, db)
            }
            switch format {
            case .json:
                let list = steps.map { JSONValue.object(["name": .string($0.name), "applied": .bool($0.isApplied)]) }
                Output.result(try JSONValue.array(list).text(pretty: true))
            case .text:
                Output.result(Output.table(steps.map { [$0.name, $0.isApplied ? "applied" : "missing"] }))
            }
            if steps.contains(where: { !$0.isApplied }) { throw ExitCode(78) }
        }
    }

    struct Migrate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring the schema up to date; processes that do so at once take turns.")

        @Option(help: ArgumentHelp("Database: sqlite:PATH or postgres://…", valueName: "url")) var db: String?

        func run() async throws {
            let settings = try await Command.settings()
            let taken = try await Command.orExit { () async throws(StageError) in
                guard case .postgres(let address) = try settings.database(flag: db) else {
                    _ = try await HostAssembly.open(settings, database: db)
                    return [String]()
                }
                let database = PostgresDatabase(address)
                let missing = try await database.migrationStatus().filter { !$0.isApplied }.map(\.name)
                try await database.migrate()
                return missing
            }
            for name in taken { Output.result("\(name)  applied") }
            if taken.isEmpty { Output.message("the schema is up to date") }
        }
    }

    private static func steps(
        _ settings: Settings, _ flag: String?
    ) async throws(StageError) -> [(name: String, isApplied: Bool)] {
        guard case .postgres(let address) = try settings.database(flag: flag) else {
            _ = try await HostAssembly.open(settings, database: flag)
            return RecordStore.fileSteps.map { ($0, true) }
        }
        return try await PostgresDatabase(address).migrationStatus()
    }
}
