import PipelineFile
package import PipelineKit

/// One value that is to come of a case, with the place where that is said.
package struct CaseExpectation: Sendable {
    /// Where the value is: `width`, `post.title`, `stages.probe.codec`.
    package var path: [String]
    /// What it is to be.
    package var wanted: Wanted
    /// Where the case says so.
    package var location: SourceLocation

    /// An expectation; see the properties.
    package init(path: [String], wanted: Wanted, location: SourceLocation) {
        self.path = path
        self.wanted = wanted
        self.location = location
    }

    /// The path as it is shown.
    package var field: String { path.joined(separator: ".") }

    /// What a value is to be.
    package indirect enum Wanted: Sendable, Hashable {
        /// Exactly this; numbers compare by value.
        case equal(JSONValue)
        /// A number that is no greater.
        case atMost(Double)
        /// A number that is no less.
        case atLeast(Double)
        /// Text in which a regular expression finds something.
        case matches(String)
        /// Text with this in it, or a list with this element.
        case contains(JSONValue)
        /// All of these.
        case all([Wanted])
    }

    /// What differs; nil when the facts are as expected.
    package func failure(in facts: JSONValue) -> CaseFailure? {
        var value: JSONValue? = facts
        for key in path { value = value?[key] }
        if wanted.holds(for: value ?? .null) { return nil }
        return CaseFailure(
            field: field, expected: wanted.text, actual: value.map(Wanted.shown) ?? "nothing", location: location)
    }
}

extension CaseExpectation.Wanted {
    /// Whether a value is as wanted.
    func holds(for value: JSONValue) -> Bool {
        switch self {
        case .equal(let wanted): wanted.isSame(as: value)
        case .atMost(let limit): value.doubleValue.map { $0 <= limit } ?? false
        case .atLeast(let limit): value.doubleValue.map { $0 >= limit } ?? false
        case .matches(let pattern):
            // Compiled when the file was read; a regular expression itself can't be handed between tasks.
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

    /// In the words of a person.
    var text: String {
        switch self {
        case .equal(let value): Self.shown(value)
        case .atMost(let limit): "at most \(Self.shown(.number(limit)))"
        case .atLeast(let limit): "at least \(Self.shown(.number(limit)))"
        case .matches(let pattern): "a match of \"\(pattern)\""
        case .contains(let part): "something with \(Self.shown(part))"
        case .all(let parts): parts.map(\.text).joined(separator: " and ")
        }
    }

    /// A value as JSON, whole numbers without a fraction.
    static func shown(_ value: JSONValue) -> String {
        if case .number(let number) = value, let whole = Int64(exactly: number) { return "\(whole)" }
        return (try? value.text()) ?? "?"
    }
}

/// A value of a case that is not as expected.
package struct CaseFailure: Sendable, Hashable {
    /// The value's name.
    package var field: String
    /// What was to come.
    package var expected: String
    /// What came.
    package var actual: String
    /// Where the case says what was to come.
    package var location: SourceLocation

    /// A failure; see the properties.
    package init(field: String, expected: String, actual: String, location: SourceLocation) {
        self.field = field
        self.expected = expected
        self.actual = actual
        self.location = location
    }

    /// `width: expected 540, got 720`.
    package var text: String { "\(field): expected \(expected), got \(actual)" }
}
