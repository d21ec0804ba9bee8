import PipelineKit
import PluginProtocol

/// What the conformance suite expects of a plugin's process.
extension RawPlugin {
    /// Waits for the answer to the greeting.
    func ready(within limit: Duration) throws(ConformanceFailure) -> ChildReady {
        guard let (raw, message) = next(within: limit) else {
            throw ConformanceFailure("no answer to hello within \(limit.spoken)\(fate)")
        }
        guard case .ready(let ready)? = message else {
            throw ConformanceFailure("hello was answered with \(raw.excerpt)")
        }
        return ready
    }

    /// Waits for the answer to a request, and answers service calls meanwhile.
    func answer(to request: StageRequest, within limit: Duration) throws(ConformanceFailure) -> ChildMessage {
        let deadline = SuspendingClock.now + limit
        var notes = Notes()
        while SuspendingClock.now < deadline {
            guard let (raw, message) = next(within: limit) else { break }
            switch message {
            case .result(let result)? where result.id == request.id: return .result(result)
            case .failure(request.id, let failure)?: return .failure(id: request.id, failure)
            case .progress(let report)?:
                guard (0...1).contains(report.fraction) else {
                    throw ConformanceFailure("progress has a fraction of \(report.fraction); send 0 to 1")
                }
            case .log?: break
            case .service(let call)?:
                send(.answer(ServiceAnswer(request: call.request, value: notes.value(of: call))))
            case .failure(nil, let failure)?: throw ConformanceFailure("it ended the session: \(failure.message)")
            case .ready?, .result?, .failure?: throw ConformanceFailure("it sent an unexpected message: \(raw.excerpt)")
            case nil: throw ConformanceFailure("it sent an invalid message: \(raw.excerpt)")
            }
        }
        throw ConformanceFailure("no answer within \(limit.spoken)\(fate)")
    }

    /// Waits until the process has ended as it should.
    /// - Parameter event: The reason for it to end, for messages.
    func exit(after event: String, within limit: Duration) throws(ConformanceFailure) -> String {
        guard let end = waitForEnd(within: limit) else {
            throw ConformanceFailure("it is still running \(limit.spoken) after \(event)")
        }
        guard end == .exited(0) else { throw ConformanceFailure("after \(event) it did not exit with status 0\(fate)") }
        guard groupIsEmpty else { throw ConformanceFailure("after \(event) it left a process behind") }
        return "exits with status 0"
    }

    /// How the process ended and its last error, as the end of a message; may be empty.
    var fate: String {
        let lastError = errors.last.map { ": \($0)" } ?? ""
        return switch end {
        case .exited(let status): "; it exited with status \(status)\(lastError)"
        case .signalled(let number): "; it crashed (\(TerminationReason.name(ofSignal: number)))\(lastError)"
        default: lastError
        }
    }

    /// The answers to service calls during one request.
    private struct Notes {
        private var notes: [String: JSONValue] = [:]

        init() {}

        mutating func value(of call: ServiceCall) -> JSONValue? {
            switch call.service {
            case .checkpointGet: return notes[call.key]
            case .checkpointSet: notes[call.key] = call.value
            case .secret: return "conformance-secret"
            default: break
            }
            return nil
        }
    }
}

extension JSONValue {
    /// The start of the JSON text, for messages.
    var excerpt: String { String(((try? text()) ?? "\(self)").prefix(200)) }
}
