/// The tables of the job queue, for both databases.
enum JobSchema {
    /// Columns that let a job move from machine to machine.
    static let ofSeveralMachines = [
        "ALTER TABLE jobs ADD COLUMN footage TEXT",
        "ALTER TABLE jobs ADD COLUMN needs TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE posts ADD COLUMN owner TEXT",
        // Lets a claim find the required labels without a scan of all waiting jobs.
        """
        CREATE INDEX jobsLabelled ON jobs (labels, needs)
            WHERE state IN ('available', 'scheduled', 'retryable') AND (labels <> '' OR needs <> '')
        """,
    ]

    /// Lets a worker find the next start time without a scan of all waiting jobs.
    static let due =
        "CREATE INDEX jobsDue ON jobs (scheduledAt) WHERE state IN ('available', 'scheduled', 'retryable')"

    /// The statements that create the tables.
    static func statements(_ dialect: SQLDialect) -> [String] {
        let (id, whole, real) =
            switch dialect {
            case .sqlite: ("INTEGER PRIMARY KEY AUTOINCREMENT", "INTEGER", "REAL")
            case .postgresql: ("BIGSERIAL PRIMARY KEY", "BIGINT", "DOUBLE PRECISION")
            }
        return [
            """
            CREATE TABLE jobs (
                id \(id), pipeline TEXT NOT NULL, name TEXT NOT NULL, asset TEXT NOT NULL, directory TEXT NOT NULL,
                options TEXT NOT NULL, account TEXT NOT NULL, queue TEXT NOT NULL, priority \(whole) NOT NULL,
                attempt \(whole) NOT NULL, maxAttempts \(whole) NOT NULL, state TEXT NOT NULL, uniqueKey TEXT,
                labels TEXT NOT NULL, insertedAt \(real) NOT NULL, scheduledAt \(real) NOT NULL, attemptedAt \(real),
                finishedAt \(real), worker TEXT, lease \(whole) NOT NULL, leaseUntil \(real), stage TEXT,
                progress \(real), message TEXT, runID TEXT
            )
            """,
            // Lets a claim find waiting jobs without a scan of finished ones.
            """
            CREATE INDEX jobsWaiting ON jobs (priority, scheduledAt, id)
                WHERE state IN ('available', 'scheduled', 'retryable')
            """,
            "CREATE INDEX jobsLeased ON jobs (leaseUntil) WHERE state = 'executing'",
            "CREATE INDEX jobsEnded ON jobs (finishedAt) WHERE state IN ('completed', 'discarded', 'cancelled')",
            """
            CREATE UNIQUE INDEX jobsUnique ON jobs (uniqueKey)
                WHERE state NOT IN ('completed', 'discarded', 'cancelled')
            """,
            "CREATE TABLE jobLimits (kind TEXT NOT NULL, name TEXT NOT NULL, capacity \(whole) NOT NULL, PRIMARY KEY (kind, name))",
            "CREATE TABLE jobTicks (name TEXT NOT NULL, tick \(real) NOT NULL, PRIMARY KEY (name, tick))",
        ]
    }
}
