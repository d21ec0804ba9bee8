import PipelineKit

/// Checks a value against its JSON Schema.
struct SchemaCheck {
    /// Whether values are secret and must not appear in problems.
    let hidesValues: Bool

    /// The first problem of a value; nil if it is valid.
    func problem(with value: JSONValue, against schema: JSONValue) -> OptionProblem? {
        let types =
            schema["type"].map { type in
                type.stringValue.map { [$0] } ?? OptionSchema.list(type).compactMap(\.stringValue)
            } ?? []
        if !types.isEmpty, !types.contains(where: { value.isA($0) }) {
            let expected = types.map(name(ofType:)).joined(separator: " or ")
            return hidesValues
                ? OptionProblem("wrong-type", "takes \(expected), not \(value.kind)")
                : .wrongType(expected, got: value)
        }
        let choices = OptionSchema.list(schema["enum"])
        if !choices.isEmpty, !choices.contains(value) {
            let names = choices.map(OptionSchema.shown)
            let hint = hidesValues ? nil : value.stringValue.flatMap { NearestName.hint(for: $0, in: names) }
            return OptionProblem(
                "unknown-choice", "takes one of \(names.joined(separator: ", ")), not \(shown(value))",
                hint: hint)
        }
        if let only = schema["const"], only != value {
            return OptionProblem("unknown-choice", "takes \(OptionSchema.shown(only)), not \(shown(value))")
        }
        return rangeProblem(with: value, against: schema) ?? partProblem(with: value, against: schema)
            ?? alternativesProblem(with: value, against: schema)
    }

    private func rangeProblem(with value: JSONValue, against schema: JSONValue) -> OptionProblem? {
        if let number = value.doubleValue { return numberProblem(with: number, shown: shown(value), against: schema) }
        if let text = value.stringValue { return textProblem(with: text, against: schema) }
        return nil
    }

    private func numberProblem(with number: Double, shown: String, against schema: JSONValue) -> OptionProblem? {
        func outside(_ range: String) -> OptionProblem {
            OptionProblem("out-of-range", "must be \(range), not \(shown)")
        }
        let (least, most) = (schema["minimum"]?.doubleValue, schema["maximum"]?.doubleValue)
        if number < least ?? -.infinity || number > most ?? .infinity {
            if let least, let most { return outside("between \(plain(least)) and \(plain(most))") }
            return outside(least.map { "at least \(plain($0))" } ?? "at most \(plain(most ?? 0))")
        }
        if let bound = schema["exclusiveMinimum"]?.doubleValue, number <= bound {
            return outside("more than \(plain(bound))")
        }
        if let bound = schema["exclusiveMaximum"]?.doubleValue, number >= bound {
            return outside("less than \(plain(bound))")
        }
        return nil
    }

    private func textProblem(with text: String, against schema: JSONValue) -> OptionProblem? {
        let shown = shown(.string(text))
        let length = text.unicodeScalars.count
        if let least = schema["minLength"]?.integerValue, length < least {
            return least == 1
                ? OptionProblem("out-of-range", "is empty")
                : OptionProblem("out-of-range", "must be at least \(least) characters, not \(shown)")
        }
        if let most = schema["maxLength"]?.integerValue, length > most {
            return OptionProblem("out-of-range", "must be at most \(most) characters, not \(shown)")
        }
        if let pattern = schema["pattern"]?.stringValue, let expression = try? Regex(pattern),
            (try? expression.firstMatch(in: text)) == nil
        {
            let mismatch = "does not match \(pattern)"
            return OptionProblem("wrong-type", hidesValues ? mismatch : "\(shown) \(mismatch)")
        }
        return nil
    }

    /// The first problem of an element of a list or a member of an object.
    private func partProblem(with value: JSONValue, against schema: JSONValue) -> OptionProblem? {
        switch value {
        case .array(let elements): elementProblem(with: elements, against: schema)
        case .object(let members) where schema["properties"] != nil: memberProblem(with: members, against: schema)
        default: nil
        }
    }

    private func elementProblem(with elements: [JSONValue], against schema: JSONValue) -> OptionProblem? {
        if let least = schema["minItems"]?.integerValue, elements.count < least {
            return OptionProblem("out-of-range", "takes at least \(least) values, not \(elements.count)")
        }
        if let most = schema["maxItems"]?.integerValue, elements.count > most {
            return OptionProblem("out-of-range", "takes at most \(most) values, not \(elements.count)")
        }
        guard let elementSchema = schema["items"] else { return nil }
        for (index, element) in elements.enumerated() {
            if let problem = problem(with: element, against: elementSchema) {
                return problem.prefixed("value \(index + 1)")
            }
        }
        return nil
    }

    private func memberProblem(with members: [String: JSONValue], against schema: JSONValue) -> OptionProblem? {
        guard let options = OptionSchema(schema) else { return nil }
        if let finding = options.findings(in: members, hidesValues: hidesValues).first {
            return finding.concernsKey ? finding.problem : finding.problem.prefixed("\"\(finding.key)\"")
        }
        return options.missing(in: members).first.map { OptionProblem("missing-key", "needs \"\($0)\"") }
    }

    private func alternativesProblem(with value: JSONValue, against schema: JSONValue) -> OptionProblem? {
        for part in OptionSchema.list(schema["allOf"]) {
            if let problem = problem(with: value, against: part) { return problem }
        }
        for keyword in ["anyOf", "oneOf"] {
            let problems = OptionSchema.list(schema[keyword]).map { problem(with: value, against: $0) }
            if !problems.isEmpty, !problems.contains(where: { $0 == nil }) { return problems[0] }
        }
        return nil
    }

    private func shown(_ value: JSONValue) -> String { hidesValues ? "its secret value" : OptionSchema.shown(value) }

    private func plain(_ number: Double) -> String { Int64(exactly: number).map { "\($0)" } ?? "\(number)" }

    private func name(ofType type: String) -> String {
        switch type {
        case "string": "text"
        case "boolean": "true or false"
        case "integer": "an integer"
        case "number": "a number"
        case "array": "a list"
        case "object": "an object"
        default: type
        }
    }
}

extension OptionProblem {
    /// The problem of a part of a value.
    fileprivate func prefixed(_ part: String) -> OptionProblem {
        OptionProblem(code, "\(part) \(message)", hint: hint)
    }
}

extension JSONValue {
    /// Whether the value has a type of JSON Schema.
    fileprivate func isA(_ type: String) -> Bool {
        switch type {
        case "null": self == .null
        case "boolean": boolValue != nil
        case "integer": integerValue != nil
        case "number": doubleValue != nil
        case "string": stringValue != nil
        case "array": if case .array = self { true } else { false }
        case "object": if case .object = self { true } else { false }
        default: true
        }
    }
}
