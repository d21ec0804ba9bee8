import PipelineKit

/// Checks a value against its JSON Schema.
struct SchemaCheck {
    /// Whether values are secret and must not appear in problems.
    let hidesValues: Bool

    /// The first problem of a value; nil if it is valid.
    func problem(with value: JSONValue, _ schema: JSONValue) -> OptionProblem? {
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
            let words = choices.map(OptionSchema.shown)
            let near = hidesValues ? nil : value.stringValue.flatMap { NearestName.of($0, in: words) }
            return OptionProblem(
                "unknown-choice", "takes one of \(words.joined(separator: ", ")), not \(shown(value))",
                hint: near.map { "did you mean \"\($0)\"?" })
        }
        if let only = schema["const"], only != value {
            return OptionProblem("unknown-choice", "takes \(OptionSchema.shown(only)), not \(shown(value))")
        }
        return limits(value, schema) ?? parts(value, schema) ?? alternatives(value, schema)
    }

    private func limits(_ value: JSONValue, _ schema: JSONValue) -> OptionProblem? {
        func outside(_ words: String) -> OptionProblem {
            OptionProblem("out-of-range", "must be \(words), not \(shown(value))")
        }
        if let number = value.doubleValue {
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
        }
        if let text = value.stringValue {
            let length = text.unicodeScalars.count
            if let least = schema["minLength"]?.integerValue, length < least {
                return least == 1 ? OptionProblem("out-of-range", "is empty") : outside("at least \(least) characters")
            }
            if let most = schema["maxLength"]?.integerValue, length > most {
                return outside("at most \(most) characters")
            }
            if let pattern = schema["pattern"]?.stringValue, let expression = try? Regex(pattern),
                (try? expression.firstMatch(in: text)) == nil
            {
                let words = "does not match \(pattern)"
                return OptionProblem("wrong-type", hidesValues ? words : "\(shown(value)) \(words)")
            }
        }
        return nil
    }

    private func parts(_ value: JSONValue, _ schema: JSONValue) -> OptionProblem? {
        if case .array(let elements) = value {
            if let least = schema["minItems"]?.integerValue, elements.count < least {
                return OptionProblem("out-of-range", "takes at least \(least) values, not \(elements.count)")
            }
            if let most = schema["maxItems"]?.integerValue, elements.count > most {
                return OptionProblem("out-of-range", "takes at most \(most) values, not \(elements.count)")
            }
            if let each = schema["items"] {
                for (index, element) in elements.enumerated() {
                    if let inner = problem(with: element, each) { return within("value \(index + 1)", inner) }
                }
            }
        }
        if case .object(let members) = value, schema["properties"] != nil, let inner = OptionSchema(schema) {
            if let finding = inner.findings(in: members, hidesValues: hidesValues).first {
                return finding.concernsKey ? finding.problem : within("\"\(finding.key)\"", finding.problem)
            }
            if let name = inner.missing(in: members).first {
                return OptionProblem("missing-key", "needs \"\(name)\"")
            }
        }
        return nil
    }

    private func alternatives(_ value: JSONValue, _ schema: JSONValue) -> OptionProblem? {
        for part in OptionSchema.list(schema["allOf"]) {
            if let problem = problem(with: value, part) { return problem }
        }
        for word in ["anyOf", "oneOf"] {
            let problems = OptionSchema.list(schema[word]).map { problem(with: value, $0) }
            if !problems.isEmpty, !problems.contains(where: { $0 == nil }) { return problems[0] }
        }
        return nil
    }

    private func within(_ place: String, _ problem: OptionProblem) -> OptionProblem {
        OptionProblem(problem.code, "\(place) \(problem.message)", hint: problem.hint)
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
