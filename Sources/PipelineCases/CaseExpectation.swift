import PipelineFile
package import PipelineKit

/// One expected value of a test case, with its place in the file.
package struct CaseExpectation: Sendable {
    /// The path into ``CaseFacts/json``: `width`, `post.title`, `stages.probe.codec`.
    package var path: [String]
    /// The condition that the value must meet.
    package var wanted: Wanted
    /// Where the test-case file declares the expectation.
    package var location: SourcePosition

    package init(path: [String], wanted: Wanted, location: SourcePosition) {
        self.path = path
        self.wanted = wanted
        self.location = location
    }

    /// The path in dotted form, such as `post.title`.
    package var field: String { path.joined(separator: ".") }

    /// A condition on a value.
    package indirect enum Wanted: Sendable, Hashable {
        /// Equality; numbers compare by value.
        case equal(JSONValue)
        /// An inclusive upper bound; only numbers match.
        case atMost(Double)
        /// An inclusive lower bound; only numbers match.
        case atLeast(Double)
        /// Text that contains a match of this regular expression.
        case matches(String)
        /// Text that contains this text, or a list with such an element.
        case contains(JSONValue)
        /// A conjunction of conditions.
        case all([Wanted])
    }

    /// The mismatch between the expectation and `facts`; nil if the expectation is met.
    package func failure(in facts: JSONValue) -> CaseFailure? {
        var value: JSONValue? = facts
        for key in path { value = value?[key] }
        if wanted.holds(for: value ?? .null) { return nil }
        return CaseFailure(
            field: field, expected: wanted.text, actual: value.map(Wanted.shown) ?? "nothing", location: location)
    }
}

extension CaseExpectation.Wanted {
    /// Whether `value` meets the condition.
    func holds(for value: JSONValue) -> Bool {
        switch self {
        case .equal(let wanted): wanted.isSame(as: value)
        case .atMost(let limit): value.doubleValue.map { $0 <= limit } ?? false
        case .atLeast(let limit): value.doubleValue.map { $0 >= limit } ?? false
        case .matches(let pattern):
            // The reader has validated the pattern. Compile it again here: `Regex` is not Sendable.
            value.stringValue.map { text in (try? Regex(pattern).firstMatch(in: text)) != nil } ?? false
        case .contains(let part): Self.has(part, in: value)
        case .all(let parts): parts.allSatisfy { $0.holds(for: value) }
        }
    }

    private static func has(_ part: JSONValue, in value: JSONValue) -> Bool {
        switch value {
        case .string(let text): part.stringValue.map { text.contains($0) } ?? false
        case .array(let list): list.contains { part.isSame(as: $0) || (part.stringValue != nil && has(part, in: $0)) }
        default: false
        }
    }

    /// The condition as it appears in a failure message.
    var text: String {
        switch self {
        case .equal(let value): Self.shown(value)
        case .atMost(let limit): "at most \(Self.shown(.number(limit)))"
        case .atLeast(let limit): "at least \(Self.shown(.number(limit)))"
        case .matches(let pattern): "text matching \"\(pattern)\""
        case .contains(let part): "a value containing \(Self.shown(part))"
        case .all(let parts): parts.map(\.text).joined(separator: " and ")
        }
    }

    /// A value as JSON; whole numbers have no fraction.
    static func shown(_ value: JSONValue) -> String {
        if case .number(let number) = value, let whole = Int64(exactly: number) { return "\(whole)" }
        return (try? value.text()) ?? "?"
    }
}

/// An expectation of a test case that was not met.
package struct CaseFailure: Sendable, Hashable {
    /// The value's path, such as `post.title`.
    package var field: String
    /// The expected condition in words.
    package var expected: String
    /// The actual value as JSON.
    package var actual: String
    /// Where the test-case file declares the expectation.
    package var location: SourcePosition

    package init(field: String, expected: String, actual: String, location: SourcePosition) {
        self.field = field
        self.expected = expected
        self.actual = actual
        self.location = location
    }

    /// `width: expected 540, got 720`.
    package var text: String { "\(field): expected \(expected), got \(actual)" }
}
