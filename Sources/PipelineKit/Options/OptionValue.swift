/// What is wrong with the value of an option.
public struct OptionProblem: Error, Sendable, Hashable {
    /// A stable code: `wrong-type`, `out-of-range` or `unknown-choice`.
    public var code: String
    /// What is wrong, such as `takes a duration such as "60s", not a list`.
    public var message: String
    /// What to write instead.
    public var hint: String?

    /// A problem.
    public init(_ code: String, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// A value of the wrong type or form.
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

    /// The same problem of a value that must not be shown.
    /// - Parameter type: What the option takes.
    func hidingValue(of type: OptionType) -> OptionProblem {
        let expected = type.choices.isEmpty ? type.name : "one of \(type.choices.joined(separator: ", "))"
        return OptionProblem(code, "takes \(expected), which its secret value is not")
    }
}

/// How a kind of option value is described to people and to editors.
public struct OptionType: Sendable, Hashable {
    /// A word for help, such as `duration`.
    public var name: String
    /// JSON Schema (2020-12) of the value.
    public var schema: JSONValue
    /// The allowed words when there is a closed list.
    public var choices: [String]

    /// A description.
    public init(name: String, schema: JSONValue, choices: [String] = []) {
        self.name = name
        self.schema = schema
        self.choices = choices
    }
}

/// A type that can stand as an option in a pipeline file.
public protocol OptionValue: Sendable {
    /// How it is described.
    static var optionType: OptionType { get }
    /// Reads a value as written in the file.
    /// - Throws: `OptionProblem` that says what is expected.
    static func parse(_ value: JSONValue) throws(OptionProblem) -> Self
    /// The value in the form that a person would write.
    var optionJSON: JSONValue { get }
}

extension Bool: OptionValue {
    /// True or false.
    public static var optionType: OptionType { OptionType(name: "true|false", schema: ["type": "boolean"]) }
    /// Reads a truth value.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Bool {
        switch value {
        case .bool(let truth): return truth
        case .string("true"): return true
        case .string("false"): return false
        default: throw .wrongType("true or false", got: value)
        }
    }
    /// The truth value.
    public var optionJSON: JSONValue { .bool(self) }
}

extension Int: OptionValue {
    /// An integer.
    public static var optionType: OptionType { OptionType(name: "integer", schema: ["type": "integer"]) }
    /// Reads an integer, also from text such as `--set` gives.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Int {
        if let number = value.integerValue { return Int(number) }
        if let text = value.stringValue, let number = Int(text) { return number }
        throw .wrongType("an integer", got: value)
    }
    /// The integer.
    public var optionJSON: JSONValue { .integer(Int64(self)) }
}

extension Double: OptionValue {
    /// A number.
    public static var optionType: OptionType { OptionType(name: "number", schema: ["type": "number"]) }
    /// Reads a number, also from text such as `--set` gives.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Double {
        if let number = value.doubleValue, number.isFinite { return number }
        if let text = value.stringValue, let number = Double(text), number.isFinite { return number }
        throw .wrongType("a number", got: value)
    }
    /// The number.
    public var optionJSON: JSONValue { .number(self) }
}

extension String: OptionValue {
    /// Text.
    public static var optionType: OptionType { OptionType(name: "text", schema: ["type": "string"]) }
    /// Reads text. A bare number is refused, because what it would look like as text is anyone's guess.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> String {
        guard case .string(let text) = value else {
            var problem = OptionProblem.wrongType("text", got: value)
            if value.doubleValue != nil || value.boolValue != nil { problem.hint = "put it in quotes" }
            throw problem
        }
        return text
    }
    /// The text.
    public var optionJSON: JSONValue { .string(self) }
}

extension Duration: OptionValue {
    /// A duration: seconds, or text with units.
    public static var optionType: OptionType {
        OptionType(
            name: "duration",
            schema: [
                "type": ["number", "string"], "minimum": 0, "examples": [60, "60s", "1m30s"],
                "pattern": #"^\s*(\d+(\.\d+)?|(\d+(\.\d+)?\s*(ms|s|min|m|h|d)\s*)+|(\d+:)?\d+:\d+(\.\d+)?)\s*$"#,
            ])
    }
    /// Reads `60`, `"60s"`, `"1m30s"`, `"00:01:30"`.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Duration {
        if let seconds = value.doubleValue, seconds.isFinite, (0..<1e12).contains(seconds) { return .seconds(seconds) }
        if let text = value.stringValue, let duration = Duration(parsing: text) { return duration }
        throw .wrongType("a duration such as 60 or \"1m30s\"", got: value)
    }
    /// Seconds as a number when whole, else text with unit.
    public var optionJSON: JSONValue {
        let seconds = inSeconds
        return seconds == seconds.rounded() && abs(seconds) < 1e15
            ? .string("\(Int64(seconds))s") : .string("\(seconds)s")
    }
}

extension ByteCount: OptionValue {
    /// A size: bytes, or text with a decimal unit.
    public static var optionType: OptionType {
        OptionType(
            name: "size",
            schema: [
                "type": ["integer", "string"], "minimum": 0, "examples": ["10MB", "1GB"],
                "pattern": #"^\s*\d+(\.\d+)?\s*([kKmMgG]([iI]?[bB])?|[bB])?\s*$"#,
            ])
    }
    /// Reads `1000000`, `"10MB"`, `"64MiB"`.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> ByteCount {
        if let bytes = value.integerValue, bytes >= 0 { return ByteCount(bytes) }
        if let text = value.stringValue, let count = ByteCount(parsing: text) { return count }
        throw .wrongType("a size such as \"10MB\" or \"1GB\"", got: value)
    }
    /// Text with the largest decimal unit that divides it.
    public var optionJSON: JSONValue {
        for (suffix, factor) in [("GB", Int64(1_000_000_000)), ("MB", 1_000_000), ("kB", 1000)]
        where bytes > 0 && bytes % factor == 0 {
            return .string("\(bytes / factor)\(suffix)")
        }
        return .integer(bytes)
    }
}

extension BitRate: OptionValue {
    /// A bit rate: bits per second, or text with a unit.
    public static var optionType: OptionType {
        OptionType(
            name: "bit rate",
            schema: [
                "type": ["integer", "string"], "minimum": 0, "examples": ["9.5M", "192k"],
                "pattern": #"^\s*\d+(\.\d+)?\s*([kKmM]([bB](it)?(/s|ps))?)?\s*$"#,
            ])
    }
    /// Reads `192000`, `"192k"`, `"9.5M"`.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> BitRate {
        if let bits = value.integerValue, bits >= 0 { return BitRate(bits) }
        if let text = value.stringValue, let rate = BitRate(parsing: text) { return rate }
        throw .wrongType("a bit rate such as \"9.5M\" or \"192k\"", got: value)
    }
    /// Text with the largest unit that divides it.
    public var optionJSON: JSONValue {
        bitsPerSecond > 0 && bitsPerSecond % 1_000_000 == 0
            ? .string("\(bitsPerSecond / 1_000_000)M")
            : bitsPerSecond > 0 && bitsPerSecond % 100_000 == 0
                ? .string("\(Double(bitsPerSecond) / 1_000_000)M")
                : bitsPerSecond > 0 && bitsPerSecond % 1000 == 0
                    ? .string("\(bitsPerSecond / 1000)k") : .integer(bitsPerSecond)
    }
}

extension OptionValue where Self: RawRepresentable & CaseIterable, Self.RawValue == String {
    /// One word of a closed list.
    public static var optionType: OptionType {
        let names = allCases.map(\.rawValue)
        return OptionType(
            name: names.joined(separator: "|"), schema: ["enum": .array(names.map(JSONValue.string))], choices: names)
    }
    /// Reads one of the words.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Self {
        let names = allCases.map(\.rawValue)
        guard let text = value.stringValue else {
            throw .wrongType("one of \(names.joined(separator: ", "))", got: value)
        }
        guard let choice = Self(rawValue: text) else {
            throw OptionProblem(
                "unknown-choice", "takes one of \(names.joined(separator: ", ")), not \"\(text)\"",
                hint: NearestName.of(text, in: names).map { "did you mean \"\($0)\"?" })
        }
        return choice
    }
    /// The word.
    public var optionJSON: JSONValue { .string(rawValue) }
}

extension Optional: OptionValue where Wrapped: OptionValue {
    /// As the wrapped type.
    public static var optionType: OptionType { Wrapped.optionType }
    /// Reads null as "not given".
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Wrapped? {
        if value == .null { return nil }
        return try Wrapped.parse(value)
    }
    /// The value, or null.
    public var optionJSON: JSONValue { self?.optionJSON ?? .null }
}
