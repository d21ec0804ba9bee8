package import PipelineKit

/// Where the program keeps its records: one SQLite file, or a PostgreSQL database that several machines share.
package struct RecordStore: Sendable {
    /// Journal, limits, digests: survives a killed process.
    let records: any SQLDatabase
    /// Ledger, vault, jobs: survives a power cut.
    package let durable: any SQLDatabase
    /// What people know it by: a path, or an address without a password.
    package let name: String
    /// Time as all who share the records have it.
    package let clock: HostClock

    /// The file at `path`, made when missing, with today's schema.
    /// - Throws: `StoreError` with the path and what to do.
    package init(sqlite path: String, clock: HostClock = .system) throws(StoreError) {
        let store = try SQLiteStore(path: path)
        records = SQLiteDatabase(writer: store.records, clock: clock.now)
        durable = SQLiteDatabase(writer: store.durable, clock: clock.now)
        name = path
        self.clock = clock
    }

    /// A PostgreSQL database.
    /// - Parameter clock: Time as the server has it.
    package init(_ database: PostgresDatabase, clock: HostClock) {
        records = database
        durable = database
        name = database.name
        self.clock = clock
    }

    /// The PostgreSQL database at `address`, whose schema must be today's; one that is still empty is given it.
    /// - Parameters:
    ///   - patience: How long a server that goes away later is waited for.
    ///   - entry: How long one that is away now is waited for.
    ///   - setsUp: Whether an empty one is given the schema, or refused.
    /// - Throws: `StageError` when it can't be reached, or its schema is an older or a newer one.
    package static func postgres(
        _ address: Secret, patience: Duration, entry: Duration = .zero, setsUp: Bool = true
    ) async throws(StageError) -> RecordStore {
        let entrance = PostgresDatabase(address, patience: entry)
        // Empty or being set up by another process: the step after this one waits for that.
        if setsUp, try await entrance.isEmpty() { try await entrance.migrate() }
        let clock = try await entrance.clock()
        if let step = try await entrance.migrationStatus().first(where: { !$0.isApplied }) {
            throw StageError(
                .configuration, "the database \(entrance.name) lacks the step \"\(step.name)\"",
                hint: "stop older workers, then bring it up to date: spreader-pipeline db migrate")
        }
        return RecordStore(entrance.waiting(patience), clock: clock)
    }

    /// The numbered steps of an SQLite file's schema: all of them are taken once it is open.
    package static var fileSteps: [String] { SQLiteStore.steps }
}
