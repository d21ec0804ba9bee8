import Foundation
import Logging

/// The host's services for a stage in a child process: sends each call to the host and waits for the answer. The host
/// refuses calls of services that this child may not use.
struct RemoteHost: Checkpoints, SecretProvider, CredentialProvider, RatePermits, PostLedger {
    let id: Int
    let server: StageServer
    /// The problem with the account's credentials, which the host sends along with the request; nil if there is none.
    var accountProblem: Diagnostic?

    private func ask(
        _ service: HostService, _ key: String = "", _ value: (some Encodable)?
    ) async throws(StageError) -> JSONValue? {
        let json: JSONValue?
        do {
            json = try value.map { try JSONValue(encoding: $0) }
        } catch {
            throw StageError(.internalFault, "a call of the host can't be encoded as JSON: \(error)")
        }
        return try await server.ask { ServiceMessage(service, id: id, request: $0, key: key, value: json) }
    }

    private func answer<Value: Decodable>(
        _ type: Value.Type, to service: HostService, _ key: String = "", _ value: (some Encodable)?
    ) async throws(StageError) -> Value? {
        guard let answer = try await ask(service, key, value) else { return nil }
        do {
            return try answer.decode(type)
        } catch {
            throw StageError(.internalFault, "the host's answer to \(service.rawValue) can't be decoded: \(error)")
        }
    }

    private func needed<Value>(_ value: Value?, _ service: HostService) throws(StageError) -> Value {
        guard let value else { throw StageError(.internalFault, "the host's answer to \(service.rawValue) is empty") }
        return value
    }

    private static let nothing: String? = nil

    // MARK: Checkpoints and secrets

    func value(_ key: String) async throws(StageError) -> JSONValue? {
        try await ask(.checkpointGet, key, Self.nothing)
    }

    func set(_ key: String, to value: JSONValue) async throws(StageError) {
        _ = try await ask(.checkpointSet, key, value)
    }

    func secret(_ name: String) async throws(StageError) -> Secret {
        Secret(try needed(try await answer(String.self, to: .secret, name, Self.nothing), .secret))
    }

    // MARK: Permits

    func acquire(_ limit: RateLimit) async throws(StageError) {
        _ = try await ask(.permit, limit.name, ServiceWire.Permit(limit))
    }

    @discardableResult
    func refused(_ limit: RateLimit, taken: Bool) async throws(StageError) -> TakenPermits {
        let value = ServiceWire.Permit(limit, taken: taken)
        return try needed(
            try await answer(ServiceWire.Taken.self, to: .permitRefused, limit.name, value), .permitRefused
        ).permits
    }

    func granted(_ limit: RateLimit) async throws(StageError) {
        _ = try await ask(.permitGranted, limit.name, ServiceWire.Permit(limit))
    }

    // MARK: Credentials

    func problem(with account: String) -> Diagnostic? { accountProblem }

    func credentials(for account: String) async throws(StageError) -> Credentials {
        try needed(
            try await answer(ServiceWire.Tokens.self, to: .credentials, account, Self.nothing), .credentials
        ).credentials
    }

    func renewed(for account: String, after rejected: Secret) async throws(StageError) -> Credentials {
        try needed(
            try await answer(ServiceWire.Tokens.self, to: .credentialsRenewed, account, rejected.reveal()),
            .credentialsRenewed
        ).credentials
    }

    // MARK: Posts

    func find(_ key: PostKey) async throws(StageError) -> PostRecord? {
        try await answer(ServiceWire.Post.self, to: .ledgerFind, "", key)?.record
    }

    func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord {
        let claim = ServiceWire.Claim(key: key, asset: asset, runID: runID)
        return try needed(
            try await answer(ServiceWire.Post.self, to: .ledgerReserve, "", claim), .ledgerReserve
        ).record
    }

    @discardableResult
    func apply(_ change: PostChange, to id: String) async throws(StageError) -> PostRecord {
        try needed(
            try await answer(ServiceWire.Post.self, to: .ledgerApply, id, ServiceWire.Change(change)), .ledgerApply
        ).record
    }

    func note(uploadRate: Double, to service: String) async throws(StageError) {
        _ = try await ask(.ledgerNote, service, uploadRate)
    }

    func uploadRate(to service: String, since moment: Date) async throws(StageError) -> Double? {
        try await answer(Double.self, to: .ledgerRate, service, moment)
    }
}

/// Forwards log lines to the host.
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
