/// Which requests go wrong, and how.
///
/// As JSON: `{"match": {"path": "/upload/", "method": "PUT", "chunk": 2}, "times": 1, "after": 0, "action": {"drop": "before"}}`.
struct FaultRule: Sendable, Equatable {
    /// The requests that a rule is about; what is left out matches everything.
    struct Match: Sendable, Equatable {
        /// The path without query; a `*` at the end matches any rest, the trailing slash may be missing.
        var path: String?
        var method: String?
        /// The number of the uploaded chunk, from 1.
        var chunk: Int?

        func covers(path requestPath: String, method requestMethod: String, chunk requestChunk: Int?) -> Bool {
            if let method, method.uppercased() != requestMethod.uppercased() { return false }
            if let chunk, chunk != requestChunk { return false }
            guard let path else { return true }
            if path.hasSuffix("*") { return requestPath.hasPrefix(path.dropLast()) }
            return path.trimmingSlash == requestPath.trimmingSlash
        }
    }

    var match: Match
    /// How often the rule strikes; `nil` for always.
    var times: Int?
    /// How many matching requests pass unharmed first.
    var after: Int
    var action: FaultAction
}

/// What happens to a request.
///
/// As JSON, exactly one of:
/// - `{"answer": {"status": 503, "code": "internal_error", "message": "…", "headers": {"Retry-After": "2"}, "handled": false}}`:
///   this answer; with `handled` the request takes effect all the same.
/// - `{"delay": 2.5}`: seconds before the request is handled.
/// - `{"drop": "before"}`: the connection closes, nothing takes effect. `{"drop": "after"}`: it takes effect and the answer is lost.
///   `{"drop": {"afterBytes": 100000}}`: closes in the middle of the request's body.
/// - `{"garbage": true}`: takes effect, answered with status 200 and text that is no JSON; `false`: takes no effect.
/// - `{"halfBody": true}`: takes effect, answered with half of the body before the connection closes; `false`: takes no effect.
/// - `{"hang": 30}`: no answer for so many seconds, then the connection closes; nothing takes effect. `true` hangs for an hour.
enum FaultAction: Sendable, Equatable {
    struct Answer: Sendable, Equatable {
        var status = 503
        var code = "internal_error"
        var message = ""
        var headers: [String: String] = [:]
        var handled = false
    }

    case answer(Answer)
    case delay(Double)
    case dropBefore
    case dropAfter
    case dropMidBody(bytes: Int)
    case garbage(handled: Bool)
    case halfBody(handled: Bool)
    case hang(Double)

    /// The name under which the request log notes it.
    var name: String {
        switch self {
        case .answer(let answer): answer.handled ? "answer-after" : "answer"
        case .delay: "delay"
        case .dropBefore: "drop-before"
        case .dropAfter: "drop-after"
        case .dropMidBody: "drop-mid-body"
        case .garbage: "garbage"
        case .halfBody: "half-body"
        case .hang: "hang"
        }
    }
}

extension String {
    /// The text without one slash at its end.
    fileprivate var trimmingSlash: Substring { hasSuffix("/") ? dropLast() : self[...] }
}

extension FaultAction {
    /// Whether the action decides the outcome; a delay leaves it open.
    var isTerminal: Bool {
        if case .delay = self { false } else { true }
    }
}
