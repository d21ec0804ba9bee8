import Foundation
import Synchronization
import TikTok

/// Answers requests from a script and keeps what was asked.
final class ScriptedTransport: Transport {
    enum Step: Sendable {
        case answer(Int, String, headers: [String: String] = [:])
        case fail(TransportFailure)
    }

    private let state: Mutex<(steps: [Step], requests: [TransportRequest])>

    init(_ steps: [Step]) { state = Mutex((steps, [])) }

    var requests: [TransportRequest] { state.withLock { $0.requests } }

    func send(_ request: TransportRequest) async throws(TransportFailure) -> TransportResponse {
        let step = state.withLock { state in
            state.requests.append(request)
            return state.steps.isEmpty ? nil : state.steps.removeFirst()
        }
        switch step {
        case .answer(let status, let body, let headers):
            return TransportResponse(status: status, headers: headers, body: Data(body.utf8))
        case .fail(let failure): throw failure
        case nil: throw TransportFailure(.unreachable, requestBegun: false, detail: "the script is over")
        }
    }
}

extension TransportRequest {
    /// The JSON body as an object.
    var json: [String: Any] {
        guard case .data(let data) = body else { return [:] }
        return (try? JSONSerialization.jsonObject(with: data) as? [String: Any]) ?? [:]
    }

    /// The body as text.
    var text: String {
        guard case .data(let data) = body else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    /// The value of a header field.
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}
