/// The tables of journal, ledger, vault and limits in PostgreSQL. For SQLite see `SQLiteStore.migrations`.
enum RecordSchema {
    /// The cuts of footage that is posted in parts, for both databases.
    static let seriesCuts = """
        CREATE TABLE seriesCuts (
            account TEXT NOT NULL, digest TEXT NOT NULL, slot TEXT NOT NULL, cuts TEXT NOT NULL,
            PRIMARY KEY (account, digest, slot)
        )
        """

    /// The statements that create the tables.
    static let statements = [
        """
        CREATE TABLE runs (
            id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, pipeline TEXT NOT NULL, path TEXT NOT NULL,
            command TEXT NOT NULL, workDirectory TEXT NOT NULL, status TEXT NOT NULL, exitStatus BIGINT,
            startedAt DOUBLE PRECISION NOT NULL, finishedAt DOUBLE PRECISION
        )
        """,
        "CREATE INDEX runsByFingerprint ON runs (fingerprint, startedAt)",
        "CREATE INDEX runsByStart ON runs (startedAt)",
        """
        CREATE TABLE assets (
            run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE, asset TEXT NOT NULL, digest TEXT NOT NULL,
            status TEXT NOT NULL, message TEXT, PRIMARY KEY (run, asset)
        )
        """,
        "CREATE INDEX assetsByDigest ON assets (digest)",
        """
        CREATE TABLE stages (
            run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE, asset TEXT NOT NULL, stage TEXT NOT NULL,
            reuseKey TEXT NOT NULL, artifact TEXT NOT NULL, seconds DOUBLE PRECISION NOT NULL,
            finishedAt DOUBLE PRECISION NOT NULL, PRIMARY KEY (run, asset, stage)
        )
        """,
        """
        CREATE TABLE checkpoints (
            run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE, asset TEXT NOT NULL, stage TEXT NOT NULL,
            key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run, asset, stage, key)
        )
        """,
        """
        CREATE TABLE digests (
            path TEXT PRIMARY KEY, bytes BIGINT NOT NULL, modified BIGINT NOT NULL, inode BIGINT NOT NULL,
            sha256 TEXT NOT NULL
        )
        """,
        """
        CREATE TABLE posts (
            id TEXT PRIMARY KEY, account TEXT NOT NULL, digest TEXT NOT NULL, slot TEXT NOT NULL, state TEXT NOT NULL,
            asset TEXT NOT NULL, run TEXT NOT NULL, publishID TEXT, uploadURL BYTEA, acceptedAt DOUBLE PRECISION,
            fileDigest TEXT, fileBytes BIGINT, chunkSize BIGINT, chunkCount BIGINT, title TEXT, privacyLevel TEXT,
            mode TEXT NOT NULL, username TEXT, postIDs TEXT NOT NULL, url TEXT, reason TEXT,
            updatedAt DOUBLE PRECISION NOT NULL, UNIQUE (account, digest, slot)
        )
        """,
        "CREATE INDEX postsByPublishID ON posts (publishID) WHERE publishID IS NOT NULL",
        "CREATE INDEX postsByTime ON posts (updatedAt)",
        """
        CREATE TABLE permits (
            id BIGSERIAL PRIMARY KEY, name TEXT NOT NULL, subject TEXT NOT NULL, takenAt DOUBLE PRECISION NOT NULL
        )
        """,
        "CREATE INDEX permitsByLimit ON permits (name, subject, takenAt)",
        """
        CREATE TABLE uploadRates (
            service TEXT NOT NULL, measuredAt DOUBLE PRECISION NOT NULL, bytesPerSecond DOUBLE PRECISION NOT NULL
        )
        """,
        """
        CREATE TABLE tokens (
            account TEXT PRIMARY KEY, name TEXT NOT NULL, service TEXT NOT NULL, seed TEXT NOT NULL,
            sealed BYTEA NOT NULL, profile BYTEA, scopes TEXT, expiresAt DOUBLE PRECISION,
            refreshExpiresAt DOUBLE PRECISION, connectedAt DOUBLE PRECISION, usedAt DOUBLE PRECISION,
            endedBecause TEXT, updatedAt DOUBLE PRECISION NOT NULL
        )
        """,
        // Sealed with the vault key, so that a machine with another key finds out before it writes.
        "CREATE TABLE vaultProbe (id TEXT PRIMARY KEY, probe BYTEA NOT NULL)",
        "CREATE TABLE claims (name TEXT PRIMARY KEY, until DOUBLE PRECISION NOT NULL)",
        "CREATE TABLE locks (name TEXT PRIMARY KEY, owner TEXT NOT NULL, until DOUBLE PRECISION NOT NULL)",
    ]
}
