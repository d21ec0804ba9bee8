import Foundation
import Logging
package import PipelineKit

/// The host's services for a stage in a child process: sends each call to the host and waits for the answer. The host
/// refuses calls of services that this child may not use.
package struct HostChannel: Checkpoints, SecretProvider, RatePermits {
    /// The id of the request that the calls belong to.
    let requestID: Int
    let server: StageServer

    /// Calls a service and returns its answer as JSON; nil if the answer is empty.
    @discardableResult
    package func call(
        _ service: HostService, key: String = "", value: (some Encodable)? = String?.none
    ) async throws(StageError) -> JSONValue? {
        let json: JSONValue?
        do {
            json = try value.map { try JSONValue(encoding: $0) }
        } catch {
            throw StageError(.internalFault, "a call of the host can't be encoded as JSON: \(error)")
        }
        return try await server.call { ServiceCall(service, id: requestID, request: $0, key: key, value: json) }
    }

    /// Calls a service and decodes its answer; nil if the answer is empty.
    package func answer<Answer: Decodable>(
        to service: HostService, key: String = "", value: (some Encodable)? = String?.none
    ) async throws(StageError) -> Answer? {
        guard let answer = try await call(service, key: key, value: value) else { return nil }
        do {
            return try answer.decode()
        } catch {
            throw StageError(.internalFault, "the host's answer to \(service.rawValue) can't be decoded: \(error)")
        }
    }

    /// Calls a service whose answer is never empty, and decodes the answer.
    package func requiredAnswer<Answer: Decodable>(
        to service: HostService, key: String = "", value: (some Encodable)? = String?.none
    ) async throws(StageError) -> Answer {
        guard let answer: Answer = try await answer(to: service, key: key, value: value) else {
            throw StageError(.internalFault, "the host's answer to \(service.rawValue) is empty")
        }
        return answer
    }

    // MARK: Checkpoints and secrets

    package func value(_ key: String) async throws(StageError) -> JSONValue? {
        try await call(.checkpointGet, key: key)
    }

    package func set(_ key: String, to value: JSONValue) async throws(StageError) {
        try await call(.checkpointSet, key: key, value: value)
    }

    package func secret(_ name: String) async throws(StageError) -> Secret {
        Secret(try await requiredAnswer(to: .secret, key: name))
    }

    // MARK: Permits

    package func acquire(_ limit: RateLimit) async throws(StageError) {
        try await call(.permit, key: limit.name, value: HostServiceCodec.Permit(limit))
    }

    @discardableResult
    package func refused(_ limit: RateLimit, taken: Bool) async throws(StageError) -> TakenPermits {
        let answer: HostServiceCodec.Taken = try await requiredAnswer(
            to: .permitRefused, key: limit.name, value: HostServiceCodec.Permit(limit, taken: taken))
        return answer.permits
    }

    package func granted(_ limit: RateLimit) async throws(StageError) {
        try await call(.permitGranted, key: limit.name, value: HostServiceCodec.Permit(limit))
    }
}

/// Forwards log lines to the host.
struct RemoteLogHandler: LogHandler {
    /// The id of the running request.
    let requestID: Int
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
                    id: requestID, level: event.level.rawValue, message: event.message.description,
                    metadata: all.isEmpty ? nil : all.mapValues(\.description))))
    }
}
