import Foundation
import Logging
package import PipelineKit

/// The host's services for a stage in a child process: sends each call to the host and waits for the answer. The host
/// refuses calls of services that this child may not use.
package struct HostChannel: Checkpoints, SecretProvider, RatePermits {
    let id: Int
    let server: StageServer

    /// Asks the host for a service and waits for its answer; nil when there is none.
    package func ask(
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

    /// The host's answer as a value.
    package func answer<Value: Decodable>(
        _ type: Value.Type, to service: HostService, _ key: String = "", _ value: (some Encodable)?
    ) async throws(StageError) -> Value? {
        guard let answer = try await ask(service, key, value) else { return nil }
        do {
            return try answer.decode(type)
        } catch {
            throw StageError(.internalFault, "the host's answer to \(service.rawValue) can't be decoded: \(error)")
        }
    }

    /// An answer that a service always gives.
    package func needed<Value>(_ value: Value?, _ service: HostService) throws(StageError) -> Value {
        guard let value else { throw StageError(.internalFault, "the host's answer to \(service.rawValue) is empty") }
        return value
    }

    /// For questions that carry no value.
    package static let nothing: String? = nil

    // MARK: Checkpoints and secrets

    package func value(_ key: String) async throws(StageError) -> JSONValue? {
        try await ask(.checkpointGet, key, Self.nothing)
    }

    package func set(_ key: String, to value: JSONValue) async throws(StageError) {
        _ = try await ask(.checkpointSet, key, value)
    }

    package func secret(_ name: String) async throws(StageError) -> Secret {
        Secret(try needed(try await answer(String.self, to: .secret, name, Self.nothing), .secret))
    }

    // MARK: Permits

    package func acquire(_ limit: RateLimit) async throws(StageError) {
        _ = try await ask(.permit, limit.name, HostServiceCodec.Permit(limit))
    }

    @discardableResult
    package func refused(_ limit: RateLimit, taken: Bool) async throws(StageError) -> TakenPermits {
        let value = HostServiceCodec.Permit(limit, taken: taken)
        return try needed(
            try await answer(HostServiceCodec.Taken.self, to: .permitRefused, limit.name, value), .permitRefused
        ).permits
    }

    package func granted(_ limit: RateLimit) async throws(StageError) {
        _ = try await ask(.permitGranted, limit.name, HostServiceCodec.Permit(limit))
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
