/// An invalid option value. Throw it from ``OptionValue/parse(_:)``.
public struct OptionProblem: Error, Sendable, Hashable {
    /// A stable code: `wrong-type`, `out-of-range` or `unknown-choice`.
    public var code: String
    /// The problem, phrased to follow the option's name: `takes a duration such as "60s", not a list`.
    public var message: String
    /// What to write instead.
    public var hint: String?

    public init(_ code: String, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// Creates the problem `takes EXPECTED, not VALUE` for a value of the wrong type or form.
    public static func wrongType(_ expected: String, got value: JSONValue) -> OptionProblem {
        let shown =
            switch value {
            case .string(let text): "\"\(text)\""
            case .integer(let number): "\(number)"
            case .number(let number): "\(number)"
            case .bool(let truth): "\(truth)"
            default: value.kind
            }
        return OptionProblem("wrong-type", "takes \(expected), not \(shown)")
    }

    /// Creates the problem of a key that is not among `known`.
    package static func unknownKey(_ key: String, known: [String]) -> OptionProblem {
        OptionProblem(
            "unknown-key", "unknown key \"\(key)\"",
            hint: NearestName.hint(for: key, in: known) ?? "known: \(known.joined(separator: ", "))")
    }

    /// The same problem without the value, for secret options.
    /// - Parameter type: The option's type, which the new message describes.
    func hidingValue(of type: OptionType) -> OptionProblem {
        let expected = type.choices.isEmpty ? type.name : "one of \(type.choices.joined(separator: ", "))"
        return OptionProblem(code, "takes \(expected), not the given secret value")
    }
}

/// Describes a type of option value: for help texts, and as JSON Schema for editors.
public struct OptionType: Sendable, Hashable {
    /// A word for help, such as `duration`.
    public var name: String
    /// The JSON Schema (2020-12) of the value.
    public var schema: JSONValue
    /// The allowed words if the type is an enumeration, otherwise empty.
    public var choices: [String]

    public init(name: String, schema: JSONValue, choices: [String] = []) {
        self.name = name
        self.schema = schema
        self.choices = choices
    }
}

/// A type that can be the value of a ``StageOption``.
///
/// `Bool`, `Int`, `Double`, `String`, `Duration`, ``ByteCount``, ``BitRate`` and optionals conform. Enumerations that
/// are `CaseIterable` with `String` raw values only need to declare the conformance:
///
/// ```swift
/// public enum Fit: String, OptionValue, CaseIterable { case crop, pad, blur }
/// ```
public protocol OptionValue: Sendable {
    /// The type's name for help texts and its JSON Schema.
    static var optionType: OptionType { get }
    /// Parses a value from the pipeline file, or the text that the user passed with `--set`.
    /// - Throws: `OptionProblem` that names the expected type or range.
    static func parse(_ value: JSONValue) throws(OptionProblem) -> Self
    /// The value as a user would write it in a pipeline file.
    var optionJSON: JSONValue { get }
}

extension Bool: OptionValue {
    public static var optionType: OptionType { OptionType(name: "true|false", schema: ["type": "boolean"]) }
    /// Accepts the texts `true` and `false`, too, because `--set` passes text.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Bool {
        switch value {
        case .bool(let truth): return truth
        case .string("true"): return true
        case .string("false"): return false
        default: throw .wrongType("true or false", got: value)
        }
    }
    public var optionJSON: JSONValue { .bool(self) }
}

extension Int: OptionValue {
    public static var optionType: OptionType { OptionType(name: "integer", schema: ["type": "integer"]) }
    /// Accepts an integer in a text, too, because `--set` passes text.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Int {
        if let number = value.integerValue { return Int(number) }
        if let text = value.stringValue, let number = Int(text) { return number }
        throw .wrongType("an integer", got: value)
    }
    public var optionJSON: JSONValue { .integer(Int64(self)) }
}

extension Double: OptionValue {
    public static var optionType: OptionType { OptionType(name: "number", schema: ["type": "number"]) }
    /// Accepts a finite number in a text, too, because `--set` passes text.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Double {
        if let number = value.doubleValue, number.isFinite { return number }
        if let text = value.stringValue, let number = Double(text), number.isFinite { return number }
        throw .wrongType("a number", got: value)
    }
    public var optionJSON: JSONValue { .number(self) }
}

extension String: OptionValue {
    public static var optionType: OptionType { OptionType(name: "text", schema: ["type": "string"]) }
    /// Rejects bare numbers and booleans, because their form as text would be ambiguous: `1.0` or `1`?
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> String {
        guard case .string(let text) = value else {
            var problem = OptionProblem.wrongType("text", got: value)
            if value.doubleValue != nil || value.boolValue != nil { problem.hint = "put it in quotes" }
            throw problem
        }
        return text
    }
    public var optionJSON: JSONValue { .string(self) }
}

extension Duration: OptionValue {
    public static var optionType: OptionType {
        OptionType(
            name: "duration",
            schema: [
                "type": ["number", "string"], "minimum": 0, "examples": [60, "60s", "1m30s"],
                "pattern": #"^\s*(\d+(\.\d+)?|(\d+(\.\d+)?\s*(ms|s|min|m|h|d)\s*)+|(\d+:)?\d+:\d+(\.\d+)?)\s*$"#,
            ])
    }
    /// Parses `60`, `"60s"`, `"1m30s"` or `"00:01:30"`.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Duration {
        if let seconds = value.doubleValue, seconds.isFinite, (0..<1e12).contains(seconds) { return .seconds(seconds) }
        if let text = value.stringValue, let duration = Duration(parsing: text) { return duration }
        throw .wrongType("a duration such as 60 or \"1m30s\"", got: value)
    }
    /// The duration in seconds as text, such as `60s` or `1.5s`.
    public var optionJSON: JSONValue {
        let seconds = inSeconds
        return seconds == seconds.rounded() && abs(seconds) < 1e15
            ? .string("\(Int64(seconds))s") : .string("\(seconds)s")
    }
}

extension ByteCount: OptionValue {
    public static var optionType: OptionType {
        OptionType(
            name: "size",
            schema: [
                "type": ["integer", "string"], "minimum": 0, "examples": ["10MB", "1GB"],
                "pattern": #"^\s*\d+(\.\d+)?\s*([kKmMgG]([iI]?[bB])?|[bB])?\s*$"#,
            ])
    }
    /// Parses `1000000`, `"10MB"` or `"64MiB"`.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> ByteCount {
        if let bytes = value.integerValue, bytes >= 0 { return ByteCount(bytes) }
        if let text = value.stringValue, let count = ByteCount(parsing: text) { return count }
        throw .wrongType("a size such as \"10MB\" or \"1GB\"", got: value)
    }
    /// Text with the largest decimal unit that divides the count exactly; a number of bytes if none does.
    public var optionJSON: JSONValue {
        for (suffix, factor) in [("GB", Int64(1_000_000_000)), ("MB", 1_000_000), ("kB", 1000)]
        where bytes > 0 && bytes % factor == 0 {
            return .string("\(bytes / factor)\(suffix)")
        }
        return .integer(bytes)
    }
}

extension BitRate: OptionValue {
    public static var optionType: OptionType {
        OptionType(
            name: "bit rate",
            schema: [
                "type": ["integer", "string"], "minimum": 0, "examples": ["9.5M", "192k"],
                "pattern": #"^\s*\d+(\.\d+)?\s*([kKmM]([bB](it)?(/s|ps))?)?\s*$"#,
            ])
    }
    /// Parses `192000`, `"192k"` or `"9.5M"`.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> BitRate {
        if let bits = value.integerValue, bits >= 0 { return BitRate(bits) }
        if let text = value.stringValue, let rate = BitRate(parsing: text) { return rate }
        throw .wrongType("a bit rate such as \"9.5M\" or \"192k\"", got: value)
    }
    /// Text with `M` for multiples of 100,000 bits per second and `k` for multiples of 1,000; otherwise a number.
    public var optionJSON: JSONValue {
        guard bitsPerSecond > 0 else { return .integer(bitsPerSecond) }
        if bitsPerSecond % 1_000_000 == 0 { return .string("\(bitsPerSecond / 1_000_000)M") }
        if bitsPerSecond % 100_000 == 0 { return .string("\(Double(bitsPerSecond) / 1_000_000)M") }
        return bitsPerSecond % 1000 == 0 ? .string("\(bitsPerSecond / 1000)k") : .integer(bitsPerSecond)
    }
}

extension OptionValue where Self: RawRepresentable & CaseIterable, Self.RawValue == String {
    /// Allows the raw values of all cases.
    public static var optionType: OptionType {
        let names = allCases.map(\.rawValue)
        return OptionType(
            name: names.joined(separator: "|"), schema: ["enum": .array(names.map(JSONValue.string))], choices: names)
    }
    /// Parses a raw value, and suggests the nearest one if none matches.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Self {
        let names = allCases.map(\.rawValue)
        guard let text = value.stringValue else {
            throw .wrongType("one of \(names.joined(separator: ", "))", got: value)
        }
        guard let choice = Self(rawValue: text) else {
            throw OptionProblem(
                "unknown-choice", "takes one of \(names.joined(separator: ", ")), not \"\(text)\"",
                hint: NearestName.hint(for: text, in: names))
        }
        return choice
    }
    public var optionJSON: JSONValue { .string(rawValue) }
}

extension Optional: OptionValue where Wrapped: OptionValue {
    public static var optionType: OptionType { Wrapped.optionType }
    /// Parses `null` as nil, which means that the option is not set.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Wrapped? {
        if value == .null { return nil }
        return try Wrapped.parse(value)
    }
    public var optionJSON: JSONValue { self?.optionJSON ?? .null }
}
