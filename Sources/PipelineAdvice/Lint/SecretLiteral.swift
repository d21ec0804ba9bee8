package import PipelineEngine
package import PipelineFile
package import PipelineKit

/// A value that a file gives to an option that is secret.
struct SecretLiteral {
    /// The stage, as its `uses` says.
    var stage: String
    /// The option.
    var option: String
    /// The value.
    var value: String
    /// Where it stands.
    var location: SourceLocation
    /// JSON pointer to it.
    var pointer: String

    /// Whether the file itself says it, and no variable of the environment.
    var isInClear: Bool { !value.contains("${") }

    /// All of them in a pipeline file as it was written, also in one that has errors.
    static func all(in root: DocumentNode, of stages: [StageType]) -> [SecretLiteral] {
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

    /// Of an object, the members that the schema calls secret, and those that it does not know.
    private static func collect(
        _ node: DocumentNode, _ schema: JSONValue?, _ take: (String, SourceLocation) -> Void
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
                // What stands beside the secret, such as an address, may be read.
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

/// Makes unreadable what looks like a secret, and what is known to be one.
package struct SecretMask: Sendable {
    /// What is hidden wherever it stands, the longest first.
    private let words: [String]
    /// What is too short to be looked for without the quotes around it.
    private static let shortest = 4

    /// A mask.
    /// - Parameter secrets: Values that are secret whatever they look like.
    package init(_ secrets: [String] = []) {
        var words: Set<String> = []
        for secret in secrets where !secret.isEmpty {
            // As the file writes it: escaped, or in several lines.
            let written = (try? JSONValue.string(secret).text()).map { String($0.dropFirst().dropLast()) } ?? secret
            for word in [secret, written] + secret.split(whereSeparator: \.isNewline).map(String.init) {
                words.formUnion(word.count < Self.shortest ? ["\"\(word)\"", "'\(word)'"] : [word])
            }
        }
        self.words = words.sorted { ($0.count, $0) > ($1.count, $1) }
    }

    /// A mask for what is said of a pipeline file: it hides what is given to options that are secret.
    /// - Parameters:
    ///   - stages: The stages that pipelines can have.
    ///   - environment: Values for `${NAME}`.
    ///   - overrides: Settings of the command line.
    package init(
        hiding text: String, file: String, stages: [StageType], environment: @escaping @Sendable (String) -> String?,
        overrides: [PipelineChecker.Override] = []
    ) {
        let root = DocumentLoader.load(text, file: file).root
        self.init(hiding: root, stages: stages, environment: environment, overrides: overrides)
    }

    /// The same for a file that was read.
    init(
        hiding root: DocumentNode?, stages: [StageType], environment: @escaping @Sendable (String) -> String?,
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
            // The whole, and what of it the environment gave.
            let node = DocumentNode.scalar(.string(literal.value), literal.location)
            secrets += [Substitution(value: environment).apply(to: node).node.json.stringValue].compactMap(\.self)
            secrets += Substitution.names(in: node).compactMap(environment)
        }
        for override in overrides { secrets += override.secrets(in: root, stages) }
        self.init(secrets)
    }

    /// The text with what is secret hidden, in the same number of scalars.
    func masked(_ text: String) -> String {
        let hidden = words.reduce(text) { text, word in
            text.contains(word)
                ? text.replacing(word, with: String(repeating: "*", count: word.unicodeScalars.count)) : text
        }
        return SecretPatterns.masked(hidden)
    }

    /// The finding with what is secret hidden in all that is said of it.
    package func masked(_ finding: Diagnostic) -> Diagnostic {
        var finding = finding
        finding.message = masked(finding.message)
        finding.hint = finding.hint.map(masked)
        finding.pointer = finding.pointer.map(masked)
        if let file = finding.location?.file { finding.location?.file = masked(file) }
        return finding
    }

    /// The plan with what is secret hidden in all that is told of it.
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
    /// Its value, if that of a secret option, whole and as the parts of an object.
    fileprivate func secrets(in root: DocumentNode, _ stages: [StageType]) -> [String] {
        guard case .list(let elements, _)? = root.member("stages")?.value else { return [] }
        let mine = elements.compactMap { element -> StageType? in
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
