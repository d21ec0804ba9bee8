public import PipelineKit

/// Checks pipeline files from other programs, such as tests and editors. `validate`, `plan` and `run` start with the
/// same check.
public enum PipelineCheck {
    /// Checks a pipeline file without access to footage or accounts.
    /// - Parameters:
    ///   - text: The content of the file.
    ///   - file: The file name: JSON if it ends in `.json`, else YAML.
    ///   - registry: The known stages.
    ///   - environment: The value of `${NAME}`; nil if it has none.
    /// - Returns: The findings in the order of the file. The pipeline can run if none is an error.
    public static func findings(
        in text: String, file: String, stages registry: StageRegistry,
        environment: @escaping @Sendable (String) -> String? = { _ in nil }
    ) -> [Diagnostic] {
        PipelineChecker(registry: registry, environment: environment).check(PipelineDocument(text, file: file)).findings
    }
}
