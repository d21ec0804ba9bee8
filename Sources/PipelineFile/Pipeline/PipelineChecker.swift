import Foundation
package import PipelineKit

/// Turns a pipeline file into a ``Pipeline``, or into everything that is wrong with it.
package struct PipelineChecker: Sendable {
    private let registry: StageRegistry
    private let environment: @Sendable (String) -> String?
    private let isReserved: @Sendable (String) -> Bool

    /// A setting given on the command line, such as `--set transcode.crf=20`.
    package struct Override: Sendable, Hashable {
        /// As the user wrote it, with its flag.
        let flag: String
        /// The same without the value.
        private let hidden: String
        /// The stage's id or name; nil for `--post`.
        package var stage: String?
        /// The option.
        package var key: String
        /// The value.
        package var value: String

        /// Reads `stage.option=value` (for `--set`) or `key=value` (for `--post`); nil for anything else.
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

        /// Where its findings are: the value of a secret option is left out, also of what may be a misspelt one.
        /// - Parameter options: The options that it may be one of.
        func place(_ options: [OptionDescriptor]) -> SourceLocation {
            let option = options.first { $0.name == key }
            return SourceLocation(file: option?.isSecret == false ? flag : hidden)
        }

        /// The value as a file would hold it, for options that are not known.
        package var unchecked: JSONValue { json(for: []) }

        /// The value as the file would hold it: numbers and truth values are themselves, objects may be JSON.
        func json(for options: [OptionDescriptor]) -> JSONValue {
            if options.first(where: { $0.name == key })?.type.name == String.optionType.name { return .string(value) }
            if let parsed = try? JSONDecoder().decode(JSONValue.self, from: Data(value.utf8)) { return parsed }
            return .string(value)
        }
    }

    /// A checker.
    /// - Parameters:
    ///   - environment: What `${NAME}` stands for.
    ///   - isReserved: Whether a name is a secret of the program, which no pipeline may hold.
    package init(
        registry: StageRegistry, environment: @escaping @Sendable (String) -> String?,
        isReserved: @escaping @Sendable (String) -> Bool = { _ in false }
    ) {
        self.registry = registry
        self.environment = environment
        self.isReserved = isReserved
    }

    /// The stages that a pipeline file names, as far as it can be read.
    package static func stageNames(inFile file: String) -> Set<String> {
        guard let text = try? String(contentsOf: URL(filePath: file), encoding: .utf8),
            let root = DocumentLoader.load(text, file: file).root,
            case .list(let stages, _)? = root.member("stages")?.value
        else { return [] }
        return Set(stages.compactMap { $0.member("uses")?.value.json.stringValue })
    }

    /// Checks the text of a pipeline file.
    /// - Returns: The pipeline when nothing in the findings is an error.
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
