package import PipelineKit

/// A check of `lint` for pipelines that work but are unwise. `docs/lint.md` lists all rules.
package struct LintRule: Sendable {
    /// The stable code in kebab case, such as `no-retry`.
    package let code: String
    /// The severity of its findings. `--strict` fails on warnings, not on notes.
    package let severity: Diagnostic.Severity
    /// The problem that it detects, in one sentence.
    package let summary: String
    private let find: @Sendable (LintSubject) -> [LintAdvice]

    init(
        _ severity: Diagnostic.Severity = .warning, code: String, _ summary: String,
        find: @escaping @Sendable (LintSubject) -> [LintAdvice]
    ) {
        self.code = code
        self.severity = severity
        self.summary = summary
        self.find = find
    }

    func findings(in subject: LintSubject) -> [Diagnostic] {
        find(subject).map { advice in
            Diagnostic(
                severity, code: code, advice.message, hint: advice.hint, location: advice.location,
                pointer: advice.pointer, asset: advice.asset)
        }
    }
}

/// The advice of a rule at one location.
struct LintAdvice: Sendable {
    /// The problem, without a full stop.
    var message: String
    var hint: String
    var location: SourcePosition
    /// The JSON pointer into the pipeline file.
    var pointer: String?
    /// The footage with the problem; nil for several files or none.
    var asset: String?

    init(_ message: String, hint: String, at location: SourcePosition, pointer: String? = nil, asset: String? = nil) {
        self.message = message
        self.hint = hint
        self.location = location
        self.pointer = pointer
        self.asset = asset
    }
}
