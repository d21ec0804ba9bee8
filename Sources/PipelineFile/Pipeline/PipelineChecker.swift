import Foundation
package import PipelineKit

/// Parses and checks a pipeline file. Reports all problems at once.
package struct PipelineChecker: Sendable {
    private let registry: StageRegistry
    private let environment: @Sendable (String) -> String?
    private let isReserved: @Sendable (String) -> Bool

    /// A setting given on the command line, such as `--set transcode.crf=20`.
    package struct Override: Sendable, Hashable {
        /// The flag and the text as the user wrote them; the file name of its findings.
        let flag: String
        /// ``flag`` with the value replaced by `…`.
        private let hidden: String
        /// The id or type name of the stage; nil for `--post`.
        package var stage: String?
        /// The option, or the key of `post`.
        package var key: String
        /// The value as text.
        package var value: String

        /// Parses `stage.option=value` (for `--set`) or `key=value` (for `--post`); nil if the text has another form.
        package init?(_ text: String, flag: String, namesStage: Bool) {
            guard let equals = text.firstIndex(of: "=") else { return nil }
            let name = text[..<equals]
            self.flag = "\(flag) \(text)"
            hidden = "\(flag) \(name)=…"
            value = String(text[text.index(after: equals)...])
            if namesStage {
                guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return nil }
                stage = String(name[..<dot])
                key = String(name[name.index(after: dot)...])
            } else {
                key = String(name)
            }
            guard !key.isEmpty else { return nil }
        }

        /// The location of its findings. It omits the value of a secret option, and of an unknown one, which may be a
        /// misspelt secret option.
        /// - Parameter options: The options of the stage.
        func place(_ options: [OptionDescriptor]) -> SourcePosition {
            let option = options.first { $0.name == key }
            return SourcePosition(file: option?.isSecret == false ? flag : hidden)
        }

        /// The value as JSON if the type of the option is not known.
        package var unchecked: JSONValue { json(for: []) }

        /// The value as JSON. Text stays text for a string option; else it is parsed as JSON if possible.
        func json(for options: [OptionDescriptor]) -> JSONValue {
            if options.first(where: { $0.name == key })?.type.name == String.optionType.name { return .string(value) }
            if let parsed = try? JSONDecoder().decode(JSONValue.self, from: Data(value.utf8)) { return parsed }
            return .string(value)
        }
    }

    /// Creates a checker for pipelines of the given stages.
    /// - Parameters:
    ///   - registry: The known stages.
    ///   - environment: The value of `${NAME}`; nil if it has none.
    ///   - isReserved: Whether a variable holds a secret of the program, which pipelines must not use.
    package init(
        registry: StageRegistry, environment: @escaping @Sendable (String) -> String?,
        isReserved: @escaping @Sendable (String) -> Bool = { _ in false }
    ) {
        self.registry = registry
        self.environment = environment
        self.isReserved = isReserved
    }

    /// The stage types in a pipeline file; empty if it can't be parsed.
    package static func stageNames(inFile file: String) -> Set<String> {
        guard let text = try? String(contentsOf: URL(filePath: file), encoding: .utf8),
            let root = DocumentLoader.load(text, file: file).root,
            case .list(let stages, _)? = root.member("stages")?.value
        else { return [] }
        return Set(stages.compactMap { $0.member("uses")?.value.json.stringValue })
    }

    /// Checks the text of a pipeline file.
    /// - Parameter until: The id or type name of the last stage to keep; nil for all stages.
    /// - Returns: The findings in the order of the file, and the pipeline if none of them is an error.
    package func check(
        _ text: String, file: String, overrides: [Override] = [], until: String? = nil
    ) -> (pipeline: Pipeline?, findings: [Diagnostic]) {
        let (loaded, syntax) = DocumentLoader.load(text, file: file)
        guard let loaded else { return (nil, syntax) }
        let (root, missing) = Substitution(value: environment, isReserved: isReserved).apply(to: loaded)
        var reader = PipelineReader(registry: registry, file: file, findings: syntax + missing)
        let pipeline = reader.read(root, overrides: overrides, until: until)
        let findings = reader.findings.sorted(by: Self.isEarlier)
        return (findings.contains { $0.severity == .error } ? nil : pipeline, findings)
    }

    private static func isEarlier(_ left: Diagnostic, _ right: Diagnostic) -> Bool {
        (left.location?.line ?? .max, left.location?.column ?? 0) < (
            right.location?.line ?? .max, right.location?.column ?? 0
        )
    }
}
