package import Foundation
import GRDB
package import PipelineKit

/// The journal in SQLite.
package struct SQLiteJournal: RunJournal {
    private let records: DatabasePool

    /// The journal of `store`.
    package init(_ store: SQLiteStore) { records = store.records }

    package func unfinishedRun(fingerprint: String) async throws(StageError) -> RunRecord? {
        try await read { database in
            try Row.fetchOne(
                database,
                sql: """
                    SELECT * FROM runs WHERE fingerprint = ? AND status IN ('running', 'failed', 'interrupted')
                    AND startedAt >= (SELECT max(startedAt) FROM runs WHERE fingerprint = ?)
                    """, arguments: [fingerprint, fingerprint]
            ).map(Self.run)
        }
    }

    package func begin(_ run: RunRecord) async throws(StageError) {
        let command = try text(run.command)
        try await write { database in
            try database.execute(
                sql: """
                    INSERT INTO runs (id, fingerprint, pipeline, path, command, workDirectory, status, startedAt)
                    VALUES (?, ?, ?, ?, ?, ?, 'running', ?)
                    ON CONFLICT (id) DO UPDATE SET status = 'running', finishedAt = NULL, exitStatus = NULL,
                        command = excluded.command
                    """,
                arguments: [
                    run.id, run.fingerprint, run.pipeline, run.path, command, run.workDirectory,
                    run.startedAt.timeIntervalSince1970,
                ])
        }
    }

    package func finish(_ id: String, status: RunStatus, exitStatus: Int, at date: Date) async throws(StageError) {
        try await write { database in
            try database.execute(
                sql: "UPDATE runs SET status = ?, exitStatus = ?, finishedAt = ? WHERE id = ?",
                arguments: [status.rawValue, exitStatus, date.timeIntervalSince1970, id])
        }
    }

    package func record(_ asset: AssetRecord, run: String) async throws(StageError) {
        try await write { database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO assets (run, asset, digest, status, message) VALUES (?, ?, ?, ?, ?)",
                arguments: [run, asset.asset, asset.digest, asset.status.rawValue, asset.message])
        }
    }

    package func record(_ stage: StageRecord, run: String) async throws(StageError) {
        let artifact = try text(stage.artifact)
        try await write { database in
            try database.execute(
                sql: """
                    INSERT OR REPLACE INTO stages (run, asset, stage, reuseKey, artifact, seconds, finishedAt)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    run, stage.asset, stage.stage, stage.reuseKey, artifact, stage.seconds,
                    Date().timeIntervalSince1970,
                ])
        }
    }

    package func stages(run: String, asset: String) async throws(StageError) -> [StageRecord] {
        try await read { database in
            try Row.fetchAll(
                database, sql: "SELECT * FROM stages WHERE run = ? AND asset = ? ORDER BY finishedAt",
                arguments: [run, asset]
            ).map { row in
                StageRecord(
                    asset: row["asset"], stage: row["stage"], reuseKey: row["reuseKey"],
                    artifact: try JSONDecoder().decode(JSONValue.self, from: Data((row["artifact"] as String).utf8)),
                    seconds: row["seconds"])
            }
        }
    }

    package func checkpoints(run: String, asset: String, stage: String) -> any Checkpoints {
        SQLiteCheckpoints(records: records, run: run, asset: asset, stage: stage)
    }

    package func runs(limit: Int) async throws(StageError) -> [RunRecord] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM runs ORDER BY startedAt DESC LIMIT ?", arguments: [limit])
                .map(Self.run)
        }
    }

    package func run(idPrefix prefix: String) async throws(StageError) -> RunRecord? {
        try await read { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT * FROM runs WHERE substr(id, 1, length(?)) = ? LIMIT 2",
                arguments: [prefix, prefix])
            return rows.count == 1 ? try rows.first.map(Self.run) : nil
        }
    }

    package func assets(run: String) async throws(StageError) -> [AssetRecord] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM assets WHERE run = ? ORDER BY asset", arguments: [run])
                .map { row in
                    AssetRecord(
                        asset: row["asset"], digest: row["digest"],
                        status: AssetRecord.Status(rawValue: row["status"]) ?? .failed, message: row["message"])
                }
        }
    }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StageError) -> Value {
        let records = records
        return try await StoreError.bridge("reading the journal failed") { try await records.read(body) }
    }

    func write(_ body: @escaping @Sendable (Database) throws -> Void) async throws(StageError) {
        let records = records
        try await StoreError.bridge("writing the journal failed") { try await records.write(body) }
    }

    private func text(_ value: some Encodable) throws(StageError) -> String {
        do {
            return String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
        } catch {
            throw StageError(.internalFault, "an artifact has no JSON form: \(error)")
        }
    }

    static func run(_ row: Row) throws -> RunRecord {
        RunRecord(
            id: row["id"], fingerprint: row["fingerprint"], pipeline: row["pipeline"], path: row["path"],
            command: try JSONDecoder().decode([String].self, from: Data((row["command"] as String).utf8)),
            workDirectory: row["workDirectory"], status: RunStatus(rawValue: row["status"]) ?? .failed,
            exitStatus: row["exitStatus"], startedAt: Date(timeIntervalSince1970: row["startedAt"]),
            finishedAt: (row["finishedAt"] as Double?).map(Date.init(timeIntervalSince1970:)))
    }
}

/// Notes of one stage for one asset, in SQLite.
struct SQLiteCheckpoints: Checkpoints {
    let records: DatabasePool
    let run: String
    let asset: String
    let stage: String

    func value(_ key: String) async throws(StageError) -> JSONValue? {
        try await StoreError.bridge("reading a checkpoint failed") {
            try await records.read { [run, asset, stage] database in
                try String.fetchOne(
                    database,
                    sql: "SELECT value FROM checkpoints WHERE run = ? AND asset = ? AND stage = ? AND key = ?",
                    arguments: [run, asset, stage, key]
                ).map { try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8)) }
            }
        }
    }

    func set(_ key: String, to value: JSONValue) async throws(StageError) {
        try await StoreError.bridge("writing a checkpoint failed") {
            let text = try value.text()
            try await records.write { [run, asset, stage] database in
                try database.execute(
                    sql: "INSERT OR REPLACE INTO checkpoints (run, asset, stage, key, value) VALUES (?, ?, ?, ?, ?)",
                    arguments: [run, asset, stage, key, text])
            }
        }
    }
}
