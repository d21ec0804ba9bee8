package import PipelineEngine
package import PipelineFile
package import PipelineKit

/// A value of a secret option in a pipeline file.
struct SecretLiteral {
    /// The name of the stage type, as in `uses`.
    var stage: String
    var option: String
    /// The text before substitution.
    var value: String
    var location: SourcePosition
    /// The JSON pointer to the option.
    var pointer: String

    /// Whether the file contains the value itself instead of a variable.
    var isInClear: Bool { !value.contains("${") }

    /// Finds all values of secret options before substitution. Works on pipelines with errors, too.
    static func all(in root: DocumentNode, of stages: [StageDefinition]) -> [SecretLiteral] {
        guard case .list(let elements, _)? = root.member("stages")?.value else { return [] }
        var found: [SecretLiteral] = []
        for (index, element) in elements.enumerated() {
            guard let name = element.member("uses")?.value.json.stringValue,
                let type = stages.first(where: { $0.name.rawValue == name })
            else { continue }
            for option in type.options where option.isSecret {
                guard let member = element.member("with")?.value.member(option.name) else { continue }
                collect(member.value, option.type.schema) { value, location in
                    found.append(
                        SecretLiteral(
                            stage: name, option: option.name, value: value, location: location,
                            pointer: "/stages/\(index)/with/\(option.name)"))
                }
            }
        }
        return found
    }

    /// Collects the texts in a value. In objects, skips members whose schema contains nothing `writeOnly`.
    private static func collect(
        _ node: DocumentNode, _ schema: JSONValue?, _ take: (String, SourcePosition) -> Void
    ) {
        switch node {
        case .scalar(let value, let location):
            guard let text = text(value), !text.isEmpty else { return }
            take(text, location)
        case .list(let elements, _):
            for element in elements { collect(element, schema?["items"], take) }
        case .mapping(let members, _):
            let properties = schema?["writeOnly"] == true ? nil : schema?["properties"]
            for member in members {
                let part = properties?[member.key]
                // Members next to the secret, such as a URL, are not secret.
                if part.map(holdsSecret) ?? true { collect(member.value, part, take) }
            }
        }
    }

    private static func holdsSecret(_ schema: JSONValue) -> Bool {
        switch schema {
        case .object(let members): members["writeOnly"] == true || members.values.contains(where: holdsSecret)
        case .array(let elements): elements.contains(where: holdsSecret)
        default: false
        }
    }

    private static func text(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .integer, .number: try? value.text()
        default: nil
        }
    }
}

/// Masks known secrets, and text that looks like one, in everything that is shown about a pipeline file.
package struct SecretMask: Sendable {
    /// The texts to mask, longest first.
    private let words: [String]
    /// Shorter secrets are only masked with quotes around them, as they may occur in other words.
    private static let shortest = 4

    /// Creates a mask for known secrets.
    /// - Parameter secrets: Secret values. Texts that match ``SecretPatterns`` are always masked.
    package init(_ secrets: [String] = []) {
        var words: Set<String> = []
        for secret in secrets where !secret.isEmpty {
            // Also mask the JSON-escaped form, and each line of a multi-line secret.
            let written = (try? JSONValue.string(secret).text()).map { String($0.dropFirst().dropLast()) } ?? secret
            for word in [secret, written] + secret.split(whereSeparator: \.isNewline).map(String.init) {
                words.formUnion(word.count < Self.shortest ? ["\"\(word)\"", "'\(word)'"] : [word])
            }
        }
        self.words = words.sorted { ($0.count, $0) > ($1.count, $1) }
    }

    /// Creates a mask for the values of secret options in a pipeline file.
    /// - Parameters:
    ///   - text: The content of the file.
    ///   - file: The path as the user gave it.
    ///   - stages: The known stages.
    ///   - environment: Values for `${NAME}`.
    ///   - overrides: Settings of the command line, whose secret values are masked as well.
    package init(
        hiding text: String, file: String, stages: [StageDefinition],
        environment: @escaping @Sendable (String) -> String?,
        overrides: [PipelineChecker.Override] = []
    ) {
        let root = DocumentLoader.load(text, file: file).root
        self.init(hiding: root, stages: stages, environment: environment, overrides: overrides)
    }

    /// Creates a mask for a parsed pipeline file; `root` is the node before substitution.
    init(
        hiding root: DocumentNode?, stages: [StageDefinition], environment: @escaping @Sendable (String) -> String?,
        overrides: [PipelineChecker.Override] = []
    ) {
        guard let root else {
            self.init()
            return
        }
        var secrets: [String] = []
        for literal in SecretLiteral.all(in: root, of: stages) {
            guard !literal.isInClear else {
                secrets.append(literal.value)
                continue
            }
            // Mask the substituted value, and the variables in it.
            let node = DocumentNode.scalar(.string(literal.value), literal.location)
            secrets += [Substitution(value: environment).apply(to: node).node.json.stringValue].compactMap(\.self)
            secrets += Substitution.names(in: node).compactMap(environment)
        }
        for override in overrides { secrets += override.secrets(in: root, stages) }
        self.init(secrets)
    }

    /// The text with secrets replaced by as many asterisks as they have Unicode scalars, so that columns still match.
    func masked(_ text: String) -> String {
        let hidden = words.reduce(text) { text, word in
            text.contains(word)
                ? text.replacing(word, with: String(repeating: "*", count: word.unicodeScalars.count)) : text
        }
        return SecretPatterns.masked(hidden)
    }

    /// The finding with secrets masked in all its texts.
    package func masked(_ finding: Diagnostic) -> Diagnostic {
        var finding = finding
        finding.message = masked(finding.message)
        finding.hint = finding.hint.map(masked)
        finding.pointer = finding.pointer.map(masked)
        if let file = finding.location?.file { finding.location?.file = masked(file) }
        return finding
    }

    /// The plan with secrets masked in all its texts.
    package func masked(_ plan: AssetPlan) -> AssetPlan {
        var plan = plan
        plan.steps = plan.steps.map { stage, step in
            var step = step
            step.action = masked(step.action)
            step.reasons = step.reasons.map(masked)
            step.details = step.details.mapValues(masked)
            return (stage, step)
        }
        plan.failure = plan.failure.map { ($0.stage, masked($0.error)) }
        plan.title = plan.title.map(masked)
        plan.parts = plan.parts.map(masked)
        return plan
    }

    private func masked(_ error: StageError) -> StageError {
        var error = error
        error.message = masked(error.message)
        error.hint = error.hint.map(masked)
        return error
    }

    private func masked(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text): .string(masked(text))
        case .array(let elements): .array(elements.map(masked))
        case .object(let members): .object(members.mapValues(masked))
        case .null, .bool, .integer, .number: value
        }
    }
}

extension PipelineChecker.Override {
    /// The value if the option is secret, as written and as the texts of a JSON value; empty for other options.
    fileprivate func secrets(in root: DocumentNode, _ stages: [StageDefinition]) -> [String] {
        guard case .list(let elements, _)? = root.member("stages")?.value else { return [] }
        let mine = elements.compactMap { element -> StageDefinition? in
            let uses = element.member("uses")?.value.json.stringValue
            guard uses == stage || element.member("id")?.value.json.stringValue == stage else { return nil }
            return stages.first { $0.name.rawValue == uses }
        }
        guard mine.flatMap(\.options).contains(where: { $0.name == key && $0.isSecret }) else { return [] }
        func texts(_ value: JSONValue) -> [String] {
            switch value {
            case .string(let text): [text]
            case .array(let elements): elements.flatMap(texts)
            case .object(let members): members.values.flatMap(texts)
            case .null, .bool, .integer, .number: []
            }
        }
        return [value] + texts(unchecked)
    }
}
