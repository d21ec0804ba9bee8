package import PipelineKit

extension PostgresDatabase {
    /// The numbered migrations from an empty database to the current schema. Never change one that was released.
    private static let migrations: [(name: String, statements: [String])] = [
        ("001 jobs", JobSchema.statements(.postgresql)),
        ("002 records", RecordSchema.statements),
        ("003 jobs due", [JobSchema.due]),
        ("004 jobs of several machines", JobSchema.ofSeveralMachines),
        ("005 series", [RecordSchema.seriesCuts]),
    ]

    /// Whether the database has no tables of this program yet.
    /// - Throws: `StageError` when the database can't be read.
    package func isEmpty() async throws(StageError) -> Bool {
        try await StoreError.bridge("reading the schema failed") { try await read { try !Self.isMade($0) } }
    }

    /// Returns the migrations, and whether each was applied.
    /// - Throws: `StageError` when the database can't be read.
    package func migrationStatus() async throws(StageError) -> [(name: String, isApplied: Bool)] {
        try await StoreError.bridge("reading the schema failed") {
            try await read { connection in
                guard try Self.isMade(connection) else { return Self.migrations.map { ($0.name, false) } }
                let applied = try Self.applied(connection)
                try Self.check(applied)
                return Self.migrations.map { ($0.name, applied.contains($0.name)) }
            }
        }
    }

    /// Applies the missing migrations. Processes that start together take turns.
    /// - Throws: `StageError` when a migration fails, or the database belongs to a newer version.
    package func migrate() async throws(StageError) {
        try await StoreError.bridge("migrating the database failed") {
            try await write { connection in
                // A migration of large tables takes long, and so does the wait for another process.
                try connection.execute("SET LOCAL statement_timeout = 0")
                try connection.execute("SET LOCAL lock_timeout = 0")
                try connection.lock("spreader_migrations")
                try connection.execute(
                    """
                    CREATE TABLE IF NOT EXISTS spreader_migrations
                        (name TEXT PRIMARY KEY, appliedAt DOUBLE PRECISION NOT NULL)
                    """)
                let applied = try Self.applied(connection)
                try Self.check(applied)
                for migration in Self.migrations where !applied.contains(migration.name) {
                    for statement in migration.statements { try connection.execute(statement) }
                    try connection.execute(
                        "INSERT INTO spreader_migrations (name, appliedAt) VALUES (?, ?)",
                        [migration.name, try connection.now()])
                }
            }
        }
    }

    private static func isMade(_ connection: any SQLConnection) throws -> Bool {
        try connection.query("SELECT to_regclass('spreader_migrations') IS NOT NULL AS there").first?.get("there")
            ?? false
    }

    private static func check(_ applied: Set<String>) throws {
        guard !applied.isSubset(of: migrations.map(\.name)) else { return }
        throw StoreError(
            .tooNew, "the database was written by a newer version of spreader-pipeline",
            hint: "update the program, or choose another database with SPREADER_DB or --db")
    }

    private static func applied(_ connection: any SQLConnection) throws -> Set<String> {
        Set(try connection.query("SELECT name FROM spreader_migrations").map { try $0.get("name", as: String.self) })
    }
}
