package import PipelineKit

/// The program's records: one SQLite file, or a PostgreSQL database shared by several machines.
package struct RecordStore: Sendable {
    /// For journal, limits and digests: survives a killed process.
    let records: any SQLDatabase
    /// For ledger, vault and jobs: also survives a power failure.
    package let durable: any SQLDatabase
    /// The store's name in messages: a path, or an address without its password.
    package let name: String
    /// The clock that all users of the records share.
    package let clock: HostClock

    /// Opens the file at `path`, creates it when missing and migrates its schema.
    /// - Throws: `StoreError` with the path and a hint.
    package init(sqlite path: String, clock: HostClock = .system) throws(StoreError) {
        let store = try SQLiteStore(path: path)
        records = SQLiteDatabase(writer: store.records, clock: clock.now)
        durable = SQLiteDatabase(writer: store.durable, clock: clock.now)
        name = path
        self.clock = clock
    }

    /// Records in a PostgreSQL database.
    /// - Parameter clock: A clock that follows the server's time.
    package init(_ database: PostgresDatabase, clock: HostClock) {
        records = database
        durable = database
        name = database.name
        self.clock = clock
    }

    /// Opens the PostgreSQL database at `address`. Its schema must be up to date; only an empty database is set up.
    /// - Parameters:
    ///   - patience: How long later calls wait for an unreachable server.
    ///   - entry: How long this call waits for an unreachable server.
    ///   - setsUp: Whether to create the schema in an empty database; otherwise an empty database is an error.
    /// - Throws: `StageError` when the server is unreachable, or the schema is older or newer.
    package static func postgres(
        _ address: Secret, patience: Duration, entry: Duration = .zero, setsUp: Bool = true
    ) async throws(StageError) -> RecordStore {
        let database = PostgresDatabase(address, patience: entry)
        // Empty, or another process is setting it up: then `migrate` waits for that process.
        if setsUp, try await database.isEmpty() { try await database.migrate() }
        let clock = try await database.clock()
        if let step = try await database.migrationStatus().first(where: { !$0.isApplied }) {
            throw StageError(
                .configuration, "the database \(database.name) lacks the migration \"\(step.name)\"",
                hint: "stop older workers, then run: spreader-pipeline db migrate")
        }
        return RecordStore(database.waiting(patience), clock: clock)
    }

    /// The names of the migrations of an SQLite file, which opening it applies.
    package static var fileSteps: [String] { SQLiteStore.steps }
}
