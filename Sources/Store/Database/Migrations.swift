import GRDB

extension SQLiteStore {
    /// The names of the migrations, in order.
    static var steps: [String] { migrations.migrations }

    /// The numbered migrations from an empty file to the current schema. Never change one that was released.
    static var migrations: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("001 journal") { database in
            try database.execute(
                sql: """
                    CREATE TABLE runs (
                        id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, pipeline TEXT NOT NULL, path TEXT NOT NULL,
                        command TEXT NOT NULL, workDirectory TEXT NOT NULL, status TEXT NOT NULL, exitStatus INTEGER,
                        startedAt REAL NOT NULL, finishedAt REAL
                    ) STRICT;
                    CREATE INDEX runsByFingerprint ON runs (fingerprint, startedAt);
                    CREATE TABLE assets (
                        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE, asset TEXT NOT NULL,
                        digest TEXT NOT NULL, status TEXT NOT NULL, message TEXT, PRIMARY KEY (run, asset)
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE stages (
                        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE, asset TEXT NOT NULL,
                        stage TEXT NOT NULL, reuseKey TEXT NOT NULL, artifact TEXT NOT NULL, seconds REAL NOT NULL,
                        finishedAt REAL NOT NULL, PRIMARY KEY (run, asset, stage)
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE checkpoints (
                        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE, asset TEXT NOT NULL,
                        stage TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
                        PRIMARY KEY (run, asset, stage, key)
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE digests (
                        path TEXT PRIMARY KEY, bytes INTEGER NOT NULL, modified INTEGER NOT NULL,
                        inode INTEGER NOT NULL, sha256 TEXT NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("002 posts") { database in
            try database.execute(
                sql: """
                    CREATE TABLE posts (
                        id TEXT PRIMARY KEY, account TEXT NOT NULL, digest TEXT NOT NULL, slot TEXT NOT NULL,
                        state TEXT NOT NULL, asset TEXT NOT NULL, run TEXT NOT NULL, publishID TEXT, uploadURL BLOB,
                        acceptedAt REAL, fileDigest TEXT, fileBytes INTEGER, chunkSize INTEGER, chunkCount INTEGER,
                        title TEXT, privacyLevel TEXT, mode TEXT NOT NULL, username TEXT, postIDs TEXT NOT NULL,
                        url TEXT, reason TEXT, updatedAt REAL NOT NULL, UNIQUE (account, digest, slot)
                    ) STRICT;
                    CREATE TABLE permits (
                        id INTEGER PRIMARY KEY, name TEXT NOT NULL, subject TEXT NOT NULL, takenAt REAL NOT NULL
                    ) STRICT;
                    CREATE INDEX permitsByLimit ON permits (name, subject, takenAt);
                    CREATE TABLE tokens (
                        account TEXT PRIMARY KEY, seed TEXT NOT NULL, sealed BLOB NOT NULL, updatedAt REAL NOT NULL
                    ) STRICT;
                    """)
        }
        migrator.registerMigration("003 accounts") { database in
            for column in [
                "name TEXT NOT NULL DEFAULT ''", "service TEXT NOT NULL DEFAULT ''", "profile BLOB", "scopes TEXT",
                "expiresAt REAL", "refreshExpiresAt REAL", "connectedAt REAL", "usedAt REAL", "endedBecause TEXT",
            ] {
                try database.execute(sql: "ALTER TABLE tokens ADD COLUMN \(column)")
            }
            try database.execute(
                sql: "CREATE TABLE claims (name TEXT PRIMARY KEY, until REAL NOT NULL) STRICT, WITHOUT ROWID")
        }
        migrator.registerMigration("004 measured rates") { database in
            try database.execute(
                sql: """
                    CREATE TABLE uploadRates (
                        service TEXT NOT NULL, measuredAt REAL NOT NULL, bytesPerSecond REAL NOT NULL
                    ) STRICT;
                    """)
        }
        migrator.registerMigration("005 jobs") { database in
            for statement in JobSchema.statements(.sqlite) { try database.execute(sql: statement) }
        }
        migrator.registerMigration("006 jobs due") { try $0.execute(sql: JobSchema.due) }
        migrator.registerMigration("007 jobs of several machines") { database in
            for statement in JobSchema.ofSeveralMachines { try database.execute(sql: statement) }
        }
        migrator.registerMigration("008 series") { try $0.execute(sql: RecordSchema.seriesCuts) }
        return migrator
    }
}
