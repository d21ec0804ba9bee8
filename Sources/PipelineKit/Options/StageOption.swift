/// Declares one option of a stage: its default, its documentation and its range, in one place.
///
/// Use it for every property of a ``StageOptions`` struct. Help texts, JSON Schema and the checks of pipeline files are
/// derived from the declaration:
///
/// ```swift
/// @StageOption("Longest allowed duration.", range: .seconds(1) ... .seconds(600))
/// public var maxDuration: Duration = .seconds(60)
/// ```
@propertyWrapper
public struct StageOption<Value: OptionValue>: Sendable {
    /// The value from the pipeline file, or the default.
    public var wrappedValue: Value
    let documentation: String
    let isSecret: Bool
    let range: OptionRange<Value>?

    /// Declares an option that accepts every value of its type.
    /// - Parameters:
    ///   - wrappedValue: The default.
    ///   - documentation: One sentence for help texts and JSON Schema.
    ///   - secret: Whether the value must not be shown, such as a password.
    public init(wrappedValue: Value, _ documentation: String, secret: Bool = false) {
        self.wrappedValue = wrappedValue
        self.documentation = documentation
        isSecret = secret
        range = nil
    }

    /// Declares an option whose value must lie in `range`.
    public init(wrappedValue: Value, _ documentation: String, range: ClosedRange<Value>) where Value: Comparable {
        self.wrappedValue = wrappedValue
        self.documentation = documentation
        isSecret = false
        self.range = OptionRange(lower: range.lowerBound.optionJSON, upper: range.upperBound.optionJSON) {
            range.contains($0)
        }
    }

    /// Declares an option that may be left out; if it is set, its value must lie in `range`.
    public init<Wrapped: OptionValue & Comparable>(
        wrappedValue: Wrapped?, _ documentation: String, range: ClosedRange<Wrapped>
    ) where Value == Wrapped? {
        self.wrappedValue = wrappedValue
        self.documentation = documentation
        isSecret = false
        self.range = OptionRange(lower: range.lowerBound.optionJSON, upper: range.upperBound.optionJSON) {
            $0.map(range.contains) ?? true
        }
    }
}

struct OptionRange<Value>: Sendable {
    let lower: JSONValue
    let upper: JSONValue
    let contains: @Sendable (Value) -> Bool
}

extension StageOption: Equatable where Value: Equatable {
    /// Compares only the values.
    public static func == (left: Self, right: Self) -> Bool { left.wrappedValue == right.wrappedValue }
}

extension StageOption: Hashable where Value: Hashable {
    /// Hashes only the value.
    public func hash(into hasher: inout Hasher) { hasher.combine(wrappedValue) }
}

/// Describes a declared option, for help texts, JSON Schema and checks.
public struct OptionDescriptor: Sendable, Hashable {
    /// The option's key in the pipeline file.
    public var name: String
    public var type: OptionType
    public var documentation: String
    /// The default; null if there is none or if the option is secret.
    public var defaultValue: JSONValue
    /// The smallest allowed value; null if the option has no range.
    public var minimum: JSONValue
    /// The largest allowed value; null if the option has no range.
    public var maximum: JSONValue
    /// Whether the value must not be shown.
    public var isSecret: Bool

    public init(
        name: String, type: OptionType, documentation: String, defaultValue: JSONValue, minimum: JSONValue,
        maximum: JSONValue, isSecret: Bool
    ) {
        self.name = name
        self.type = type
        self.documentation = documentation
        self.defaultValue = defaultValue
        self.minimum = minimum
        self.maximum = maximum
        self.isSecret = isSecret
    }

    /// The JSON Schema (2020-12) of the option.
    public var schema: JSONValue {
        guard case .object(var fields) = type.schema else { return type.schema }
        fields["description"] = .string(documentation)
        if defaultValue != .null, !isSecret { fields["default"] = defaultValue }
        if minimum.doubleValue != nil { fields["minimum"] = minimum }
        if maximum.doubleValue != nil { fields["maximum"] = maximum }
        // A host knows the secret options of a plugin's stage only from this schema.
        if isSecret { fields["writeOnly"] = true }
        return .object(fields)
    }
}

/// The options of a stage: a struct of `@StageOption` properties with an empty initialiser.
///
/// Decoding is synthesised. ``findings(in:)`` returns every problem of an options object, ``make(from:)`` throws the
/// first.
public protocol StageOptions: Decodable, Sendable {
    /// Creates the options with their defaults.
    init()
}

/// The options of a stage that has none: `typealias Options = NoOptions`.
public struct NoOptions: StageOptions, Hashable {
    public init() {}
}

/// A problem with one key of an options object.
public struct OptionFinding: Sendable, Hashable {
    public var key: String
    /// Whether the key itself is unknown, rather than its value invalid.
    public var concernsKey: Bool
    public var problem: OptionProblem

    public init(key: String, concernsKey: Bool, problem: OptionProblem) {
        self.key = key
        self.concernsKey = concernsKey
        self.problem = problem
    }

    /// The finding for a key that is not among the names of the stage's options.
    package static func unknownKey(_ key: String, known names: [String]) -> OptionFinding {
        var problem = OptionProblem.unknownKey(key, known: names)
        if names.isEmpty { problem.hint = "it takes no options" }
        return OptionFinding(key: key, concernsKey: true, problem: problem)
    }
}

extension StageOptions {
    /// All options, in order of declaration.
    public static var descriptors: [OptionDescriptor] {
        declarations.map { $0.option.descriptor(named: $0.name) }
    }

    /// Returns every problem of an options object: unknown keys, wrong types, values out of range.
    public static func findings(in object: [String: JSONValue]) -> [OptionFinding] {
        let declarations = declarations
        let options = Dictionary(declarations, uniquingKeysWith: { $1 })
        return object.sorted { $0.key < $1.key }.compactMap { key, value in
            guard let option = options[key] else {
                return .unknownKey(key, known: declarations.map(\.name))
            }
            return option.problem(with: value).map { OptionFinding(key: key, concernsKey: false, problem: $0) }
        }
    }

    /// Creates the options from an object of a pipeline file; missing keys take their defaults.
    /// - Throws: The first `OptionProblem`; use ``findings(in:)`` to get all of them.
    public static func make(from object: [String: JSONValue]) throws(OptionProblem) -> Self {
        if let finding = findings(in: object).first { throw finding.problem }
        do {
            return try Self(
                from: OptionsDecoder(object: object, defaults: Dictionary(declarations, uniquingKeysWith: { $1 })))
        } catch let problem as OptionProblem {
            throw problem
        } catch {
            throw OptionProblem("wrong-type", "can't be read: \(error)")
        }
    }

    /// The value of every option as a user would write it; part of the cache key of a stage's output.
    public var values: [String: JSONValue] {
        Dictionary(
            Self.stageOptions(of: self).map { ($0.name, $0.option.currentJSON) }, uniquingKeysWith: { $1 })
    }

    /// The JSON Schema (2020-12) of the options object.
    public static var schema: JSONValue {
        [
            "type": "object", "additionalProperties": false,
            "properties": .object(Dictionary(descriptors.map { ($0.name, $0.schema) }, uniquingKeysWith: { $1 })),
        ]
    }

    private static var declarations: [(name: String, option: any AnyStageOption)] {
        stageOptions(of: Self())
    }

    /// The `@StageOption` properties of a value with their names, in order of declaration.
    private static func stageOptions(of options: Self) -> [(name: String, option: any AnyStageOption)] {
        Mirror(reflecting: options).children.compactMap { child in
            guard let option = child.value as? any AnyStageOption, let label = child.label else { return nil }
            return (String(label.drop { $0 == "_" }), option)
        }
    }
}

/// A type-declarations ``StageOption``.
protocol AnyStageOption: Sendable {
    func descriptor(named name: String) -> OptionDescriptor
    func problem(with value: JSONValue) -> OptionProblem?
    var currentJSON: JSONValue { get }
}

extension StageOption: AnyStageOption {
    func descriptor(named name: String) -> OptionDescriptor {
        OptionDescriptor(
            name: name, type: Value.optionType, documentation: documentation,
            defaultValue: isSecret ? .null : wrappedValue.optionJSON, minimum: range?.lower ?? .null,
            maximum: range?.upper ?? .null, isSecret: isSecret)
    }

    func problem(with value: JSONValue) -> OptionProblem? {
        do throws(OptionProblem) {
            _ = try checked(value)
            return nil
        } catch {
            return error
        }
    }

    var currentJSON: JSONValue { wrappedValue.optionJSON }

    fileprivate func checked(_ value: JSONValue) throws(OptionProblem) -> Value {
        let parsed: Value
        do throws(OptionProblem) {
            parsed = try Value.parse(value)
        } catch {
            throw isSecret ? error.hidingValue(of: Value.optionType) : error
        }
        if let range, !range.contains(parsed) {
            func shown(_ value: JSONValue) -> String { value.stringValue ?? (try? value.text()) ?? "?" }
            throw OptionProblem(
                "out-of-range", "must be between \(shown(range.lower)) and \(shown(range.upper)), not \(shown(value))")
        }
        return parsed
    }
}

extension StageOption: Decodable {
    /// Decodes the option; only ``StageOptions/make(from:)`` may use it.
    /// - Throws: `OptionProblem` for an invalid value; `DecodingError` with any other decoder.
    public init(from decoder: any Decoder) throws {
        guard let decoder = decoder as? OptionValueDecoder, let base = decoder.option as? StageOption<Value> else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "options are made by StageOptions.make(from:)"))
        }
        self = base
        if let value = decoder.value { wrappedValue = try base.checked(value) }
    }
}
