import ArgumentParser
import PipelineKit
import SpreaderApp
import Store

struct DatabaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "db",
        abstract: "Show or migrate the database schema.",
        discussion: """
            An SQLite file is migrated whenever it is opened. A PostgreSQL database is set up on first use; after that, \
            only `database.db migrate` changes its schema. Run it once no process with an older version uses the database.
            """,
        subcommands: [Status.self, Migrate.self])

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show which migrations are applied; exit with 78 if one is missing.")

        @OptionGroup var database: DatabaseOption
        @OptionGroup var output: FormatOption

        func run() async throws {
            let settings = try await Settings.load()
            let steps = try await DatabaseCommand.steps(settings, database.db)
            switch output.format {
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
            abstract: "Apply the missing migrations; concurrent calls take turns.")

        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let settings = try await Settings.load()
            let applied = try await migrate(settings)
            for name in applied { Output.result("\(name)  applied") }
            if applied.isEmpty { Output.message("the schema is up to date") }
        }

        private func migrate(_ settings: Settings) async throws -> [String] {
            guard case .postgres(let address) = try settings.database(flag: database.db) else {
                _ = try await HostAssembly.open(settings, database: database.db)
                return []
            }
            let server = PostgresDatabase(address)
            let missing = try await server.migrationStatus().filter { !$0.isApplied }.map(\.name)
            try await server.migrate()
            return missing
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
