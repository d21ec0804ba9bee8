public import PipelineKit

/// The check of pipeline files for other programs, such as a team's own tests and editors: the same that `validate`,
/// `plan` and `run` begin with.
public enum PipelineCheck {
    /// All that is wrong with a pipeline file, as far as the file alone tells: neither footage nor account is looked at.
    /// - Parameters:
    ///   - text: The file's content.
    ///   - file: Its name: JSON when it ends in `.json`, else YAML.
    ///   - registry: The stages that it may name.
    ///   - environment: What `${NAME}` stands for; nil for names without a value.
    /// - Returns: Findings in the order of their places; the file can be run when none is an error.
    public static func findings(
        in text: String, file: String, stages registry: StageRegistry,
        environment: @escaping @Sendable (String) -> String? = { _ in nil }
    ) -> [Diagnostic] {
        PipelineChecker(registry: registry, environment: environment).check(text, file: file).findings
    }
}
