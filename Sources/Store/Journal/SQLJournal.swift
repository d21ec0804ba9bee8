package import Foundation
package import PipelineKit

/// The run journal in a database.
package struct SQLJournal: RunJournal {
    private let records: any SQLDatabase

    package init(_ store: RecordStore) { records = store.records }

    package func unfinishedRun(fingerprint: String) async throws(StageError) -> RunRecord? {
        try await read { connection in
            try connection.query(
                """
                SELECT * FROM runs WHERE fingerprint = ? AND status IN ('running', 'failed', 'interrupted')
                AND startedAt >= (SELECT max(startedAt) FROM runs WHERE fingerprint = ?)
                """, [fingerprint, fingerprint]
            ).first.map(RunRecord.init)
        }
    }

    package func begin(_ run: RunRecord) async throws(StageError) {
        let command = try text(run.command)
        try await write { connection in
            try connection.execute(
                """
                INSERT INTO runs (id, fingerprint, pipeline, path, command, workDirectory, status, startedAt)
                VALUES (?, ?, ?, ?, ?, ?, 'running', ?)
                ON CONFLICT (id) DO UPDATE SET status = 'running', finishedAt = NULL, exitStatus = NULL,
                    command = excluded.command, workDirectory = excluded.workDirectory
                """,
                [run.id, run.fingerprint, run.pipeline, run.path, command, run.workDirectory, run.startedAt])
        }
    }

    package func finish(_ id: String, status: RunStatus, exitStatus: Int, at date: Date) async throws(StageError) {
        try await write { connection in
            try connection.execute(
                "UPDATE runs SET status = ?, exitStatus = ?, finishedAt = ? WHERE id = ?",
                [status.rawValue, exitStatus, date, id])
        }
    }

    package func record(_ asset: AssetRecord, run: String) async throws(StageError) {
        try await write { connection in
            try connection.execute(
                """
                INSERT INTO assets (run, asset, digest, status, message) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (run, asset) DO UPDATE SET digest = excluded.digest, status = excluded.status,
                    message = excluded.message
                """, [run, asset.asset, asset.digest, asset.status.rawValue, asset.message])
        }
    }

    package func record(_ stage: StageRecord, run: String) async throws(StageError) {
        let artifact = try text(stage.artifact)
        try await write { connection in
            try connection.execute(
                """
                INSERT INTO stages (run, asset, stage, reuseKey, artifact, seconds, finishedAt)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (run, asset, stage) DO UPDATE SET reuseKey = excluded.reuseKey,
                    artifact = excluded.artifact, seconds = excluded.seconds, finishedAt = excluded.finishedAt
                """,
                [run, stage.asset, stage.stage, stage.reuseKey, artifact, stage.seconds, try connection.now()])
        }
    }

    package func stages(run: String, asset: String) async throws(StageError) -> [StageRecord] {
        try await read { connection in
            try connection.query(
                "SELECT * FROM stages WHERE run = ? AND asset = ? ORDER BY finishedAt", [run, asset]
            ).map { row in
                StageRecord(
                    asset: try row.get("asset"), stage: try row.get("stage"), reuseKey: try row.get("reuseKey"),
                    artifact: try JSONText.decode(try row.get("artifact")),
                    seconds: try row.get("seconds"))
            }
        }
    }

    package func checkpoints(run: String, asset: String, stage: String) -> any Checkpoints {
        SQLCheckpoints(records: records, run: run, asset: asset, stage: stage)
    }

    package func runs(limit: Int) async throws(StageError) -> [RunRecord] {
        try await read { connection in
            try connection.query("SELECT * FROM runs ORDER BY startedAt DESC LIMIT ?", [limit]).map(RunRecord.init)
        }
    }

    package func run(idPrefix prefix: String) async throws(StageError) -> RunRecord? {
        try await read { connection in
            let rows = try connection.query(
                "SELECT * FROM runs WHERE substr(id, 1, length(?)) = ? LIMIT 2", [prefix, prefix])
            return rows.count == 1 ? try rows.first.map(RunRecord.init) : nil
        }
    }

    package func assets(run: String) async throws(StageError) -> [AssetRecord] {
        try await read { connection in
            try connection.query("SELECT * FROM assets WHERE run = ? ORDER BY asset", [run]).map { row in
                AssetRecord(
                    asset: try row.get("asset"), digest: try row.get("digest"),
                    status: AssetRecord.Status(rawValue: try row.get("status")) ?? .failed,
                    message: try row.get("message"))
            }
        }
    }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws(StageError) -> Value {
        let records = records
        return try await StoreError.bridge("reading the journal failed") { try await records.read(body) }
    }

    func write(_ body: @escaping @Sendable (any SQLConnection) throws -> Int) async throws(StageError) {
        let records = records
        _ = try await StoreError.bridge("writing the journal failed") { try await records.write(body) }
    }

    private func text(_ value: some Encodable) throws(StageError) -> String {
        do {
            return try JSONText.encode(value)
        } catch {
            throw StageError(.internalFault, "an artifact has no JSON form: \(error)")
        }
    }
}

extension RunRecord {
    /// Reads a row of `runs`.
    init(_ row: SQLRow) throws {
        self.init(
            id: try row.get("id"), fingerprint: try row.get("fingerprint"), pipeline: try row.get("pipeline"),
            path: try row.get("path"), command: try JSONText.decode(try row.get("command")),
            workDirectory: try row.get("workDirectory"), startedAt: try row.get("startedAt"))
        status = RunStatus(rawValue: try row.get("status")) ?? .failed
        exitStatus = try row.get("exitStatus")
        finishedAt = try row.get("finishedAt")
    }
}

/// The checkpoints of one stage for one asset.
struct SQLCheckpoints: Checkpoints {
    let records: any SQLDatabase
    let run: String
    let asset: String
    let stage: String

    func value(_ key: String) async throws(StageError) -> JSONValue? {
        try await StoreError.bridge("reading a checkpoint failed") {
            try await records.read { [run, asset, stage] connection in
                let text: String? = try connection.query(
                    "SELECT value FROM checkpoints WHERE run = ? AND asset = ? AND stage = ? AND key = ?",
                    [run, asset, stage, key]
                ).first?.get("value")
                return try text.map { try JSONText.decode($0) }
            }
        }
    }

    func set(_ key: String, to value: JSONValue) async throws(StageError) {
        try await StoreError.bridge("writing a checkpoint failed") {
            let text = try value.text()
            try await records.write { [run, asset, stage] connection in
                try connection.execute(
                    """
                    INSERT INTO checkpoints (run, asset, stage, key, value) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (run, asset, stage, key) DO UPDATE SET value = excluded.value
                    """, [run, asset, stage, key, text])
            }
        }
    }
}
