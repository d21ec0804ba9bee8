/// Makes matching requests fail, or slows them down.
///
/// As JSON: `{"match": {"path": "/upload/", "method": "PUT", "chunk": 2}, "times": 1, "after": 0, "action": {"drop": "before"}}`.
struct FaultRule: Sendable, Equatable {
    /// The requests that a rule applies to. A nil property matches everything.
    struct Match: Sendable, Equatable {
        /// The path without its query. A final `*` matches any suffix; a trailing slash is optional.
        var path: String?
        var method: String?
        /// The number of the uploaded chunk or part, counted from 1.
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
    /// How many requests the rule applies to; `nil` for all.
    var times: Int?
    /// How many matching requests pass first.
    var after: Int
    var action: FaultAction

    /// Whether the rule applies to the matching request with this number, counted from 1.
    func applies(toMatch number: Int) -> Bool {
        number > after && times.map { number - after <= $0 } ?? true
    }
}

/// The effect of a rule on a matching request.
///
/// As JSON, exactly one of:
/// - `{"answer": {"status": 503, "code": "internal_error", "message": "…", "headers": {"Retry-After": "2"}, "handled": false}}`:
///   sends this response; with `handled` the request still takes effect.
/// - `{"delay": 2.5}`: waits this many seconds before handling the request.
/// - `{"drop": "before"}`: closes the connection without handling the request. `{"drop": "after"}`: handles it, then closes
///   the connection. `{"drop": {"afterBytes": 100000}}`: closes the connection in the middle of the request's body.
/// - `{"garbage": true}`: handles the request, then sends status 200 with a body that is not JSON; `false`: does not handle it.
/// - `{"halfBody": true}`: handles the request, sends half of the response and closes the connection; `false`: does not handle it.
/// - `{"hang": 30}`: sends nothing for this many seconds, then closes the connection without handling the request. `true`
///   hangs for an hour.
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

    /// The value of `fault` in the request log.
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

    /// Whether the action decides the response. False for delays.
    var isTerminal: Bool {
        if case .delay = self { false } else { true }
    }
}

extension String {
    /// The text without one trailing slash.
    fileprivate var trimmingSlash: Substring { hasSuffix("/") ? dropLast() : self[...] }
}
