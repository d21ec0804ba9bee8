import Foundation
import PipelineKit
import TikTok

/// A client for the control endpoints of a case's sandbox.
package struct CaseSandbox: Sendable {
    private let configuration: TikTokConfiguration

    /// Connects to the sandbox with these client settings.
    /// - Throws: `StageError` if the settings are invalid.
    init(_ environment: [String: String]) throws(StageError) {
        configuration = try TikTokConfiguration(settings: environment)
    }

    /// Configures the sandbox with the settings and rules of the case, and short processing times by default.
    /// - Throws: `StageError` with code `invalid-option` if the sandbox rejects them.
    func prepare(_ wanted: JSONValue?) async throws(StageError) {
        var settings: [String: JSONValue] = ["processingSeconds": 0.05, "moderationSeconds": 0.05]
        if case .object(let own)? = wanted?["settings"] { settings.merge(own) { $1 } }
        let plan: JSONValue = ["settings": .object(settings), "rules": wanted?["rules"] ?? []]
        let answer = try await ask("PUT", "/_sandbox/faults", plan)
        guard answer.status == 200 else {
            let problem = try? JSONDecoder().decode(JSONValue.self, from: answer.body)
            throw StageError(
                .invalidOption, problem?["error"]?.stringValue ?? "the sandbox rejected \"sandbox\"",
                hint: problem?["hint"]?.stringValue)
        }
    }

    /// The posts in the sandbox, newest first.
    /// - Throws: `StageError` if the sandbox does not answer.
    func posts() async throws(StageError) -> [JSONValue] {
        let answer = try await ask("GET", "/_sandbox/posts", nil)
        guard case .array(let posts)? = try? JSONDecoder().decode(JSONValue.self, from: answer.body) else {
            throw StageError(.internalFault, "the sandbox did not return its posts")
        }
        return posts
    }

    private func ask(
        _ method: String, _ path: String, _ body: JSONValue?
    ) async throws(StageError) -> TransportResponse {
        let data = body.flatMap { try? $0.text() }.map { Data($0.utf8) }
        return try await HTTPTransport.with(configuration) { (transport) throws(StageError) in
            do throws(TransportFailure) {
                return try await transport.send(
                    TransportRequest(
                        method: method, url: configuration.apiBaseURL + path,
                        headers: data == nil ? [] : [(name: "Content-Type", value: "application/json")],
                        body: data.map { .data($0) } ?? .empty, timeout: .seconds(10)))
            } catch {
                throw StageError(tiktok: error)
            }
        }
    }
}
