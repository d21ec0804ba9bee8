package import PipelineKit

/// Checks a pipeline file. Reports all problems at once.
package struct PipelineChecker: Sendable {
    private let registry: StageRegistry
    private let environment: @Sendable (String) -> String?
    private let isReserved: @Sendable (String) -> Bool

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

    /// Checks a pipeline file.
    /// - Parameter until: The id or type name of the last stage to keep; nil for all stages.
    /// - Returns: The findings in the order of the file, and the pipeline if none of them is an error.
    package func check(
        _ document: PipelineDocument, overrides: [PipelineOverride] = [], until: String? = nil
    ) -> (pipeline: Pipeline?, findings: [Diagnostic]) {
        guard let written = document.root else { return (nil, document.findings) }
        let (root, problems) = Substitution(value: environment, isReserved: isReserved).apply(to: written)
        var reader = PipelineReader(
            registry: registry, file: document.file, findings: DocumentFindings(document.findings + problems))
        var pipeline = reader.read(root, overrides: overrides, until: until)
        let findings = reader.findings.inFileOrder
        guard !reader.findings.hasErrors else { return (nil, findings) }
        pipeline?.variables = document.variables
        return (pipeline, findings)
    }
}
