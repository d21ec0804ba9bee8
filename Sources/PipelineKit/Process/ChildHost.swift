import Foundation
import Logging

/// Durable notes over the line: the host keeps them.
struct RemoteCheckpoints: Checkpoints {
    let id: Int
    let server: StageServer

    func value(_ key: String) async throws(StageError) -> JSONValue? {
        try await server.ask { .checkpointGet(CheckpointMessage(id: id, request: $0, key: key)) }
    }

    func set(_ key: String, to value: JSONValue) async throws(StageError) {
        _ = try await server.ask {
            .checkpointSet(CheckpointMessage(id: id, request: $0, key: key, value: value))
        }
    }
}

/// Hands log lines to the host.
struct RemoteLogHandler: LogHandler {
    let id: Int
    let output: LineOutput
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        output.send(
            .log(
                LogMessage(
                    id: id, level: event.level.rawValue, message: event.message.description,
                    metadata: all.isEmpty ? nil : all.mapValues(\.description))))
    }
}

/// What a child has no access to: each use is a clear error instead of a surprise.
struct AbsentServices: CredentialProvider, RatePermits, PostLedger {
    private func absent(_ what: String) -> StageError {
        StageError(
            .configuration, "a stage that runs in a child process has no \(what)",
            hint: "only pure stages can run there; link this one into the program")
    }

    func problem(with account: String) -> Diagnostic? { nil }
    func credentials(for account: String) async throws(StageError) -> Credentials { throw absent("credentials") }
    func renewed(for account: String, after rejected: Secret) async throws(StageError) -> Credentials {
        throw absent("credentials")
    }
    func acquire(_ limit: RateLimit) async throws(StageError) { throw absent("rate permits") }
    func find(_ key: PostKey) async throws(StageError) -> PostRecord? { throw absent("post ledger") }
    func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord {
        throw absent("post ledger")
    }
    func apply(_ change: PostChange, to id: String) async throws(StageError) -> PostRecord {
        throw absent("post ledger")
    }
}
