package import PipelineEngine
package import PipelineFile
package import PipelineKit

/// Masks known secrets, and text that looks like one, in everything that is shown about a pipeline file.
package struct SecretMask: Sendable {
    /// The texts to mask, longest first.
    private let texts: [String]
    /// Shorter secrets are only masked with quotes around them, as they may occur in other words.
    private static let minimumLength = 4

    /// Creates a mask for known secrets.
    /// - Parameter secrets: Secret values. Texts that match ``SecretPatterns`` are always masked.
    package init(_ secrets: [String] = []) {
        var texts: Set<String> = []
        for secret in secrets where !secret.isEmpty {
            // Also mask the JSON-escaped form, and each line of a multi-line secret.
            let escaped = (try? JSONValue.string(secret).text()).map { String($0.dropFirst().dropLast()) } ?? secret
            for text in [secret, escaped] + secret.split(whereSeparator: \.isNewline).map(String.init) {
                texts.formUnion(text.count < Self.minimumLength ? ["\"\(text)\"", "'\(text)'"] : [text])
            }
        }
        self.texts = texts.sorted { ($0.count, $0) > ($1.count, $1) }
    }

    /// Creates a mask for the values of secret options in a pipeline file.
    /// - Parameters:
    ///   - document: The file.
    ///   - stages: The known stages.
    ///   - environment: Values for `${NAME}`.
    ///   - overrides: Settings of the command line, whose secret values are masked as well.
    package init(
        hiding document: PipelineDocument, stages: [StageDefinition],
        environment: @escaping @Sendable (String) -> String?, overrides: [PipelineOverride] = []
    ) {
        var secrets: [String] = []
        for literal in SecretLiteral.all(in: document, stages: stages) {
            guard !literal.isInClear else {
                secrets.append(literal.value)
                continue
            }
            // Mask the substituted value, and the variables in it.
            let node = DocumentNode.scalar(.string(literal.value), literal.location)
            secrets += [Substitution(value: environment).apply(to: node).node.json.stringValue].compactMap(\.self)
            secrets += Substitution.names(in: node).compactMap(environment)
        }
        for override in overrides { secrets += override.secrets(in: document, stages: stages) }
        self.init(secrets)
    }

    /// The text with secrets replaced by as many asterisks as they have Unicode scalars, so that columns still match.
    func masked(_ text: String) -> String {
        let masked = texts.reduce(text) { text, secret in
            text.contains(secret)
                ? text.replacing(secret, with: String(repeating: "*", count: secret.unicodeScalars.count)) : text
        }
        return SecretPatterns.masked(masked)
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

extension PipelineOverride {
    /// The value if the option is secret, as written and as the texts of a JSON value; empty for other options.
    fileprivate func secrets(in document: PipelineDocument, stages: [StageDefinition]) -> [String] {
        let types = document.stageNodes.compactMap { node -> StageDefinition? in
            let name = node.text("uses")
            guard let stage, name == stage || node.text("id") == stage else { return nil }
            return stages.first { $0.name.rawValue == name }
        }
        guard types.flatMap(\.options).contains(where: { $0.name == key && $0.isSecret }) else { return [] }
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
