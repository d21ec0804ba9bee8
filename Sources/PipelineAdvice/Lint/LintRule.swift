package import PipelineKit

/// One piece of advice that `lint` can give: a code, and how it is found.
package struct LintRule: Sendable {
    /// The stable code in kebab case, such as `no-retry`.
    package let code: String
    /// How much it matters: `--strict` counts warnings, not notes.
    package let severity: Diagnostic.Severity
    /// What it is about, in one sentence.
    package let summary: String
    private let find: @Sendable (LintSubject) -> [LintAdvice]

    /// A rule.
    init(
        _ severity: Diagnostic.Severity = .warning, code: String, _ summary: String,
        find: @escaping @Sendable (LintSubject) -> [LintAdvice]
    ) {
        self.code = code
        self.severity = severity
        self.summary = summary
        self.find = find
    }

    /// All that it has to say about a pipeline.
    func findings(in subject: LintSubject) -> [Diagnostic] {
        find(subject).map { advice in
            Diagnostic(
                severity, code: code, advice.message, hint: advice.hint, location: advice.location,
                pointer: advice.pointer, asset: advice.asset)
        }
    }
}

/// What a rule has to say at one place.
struct LintAdvice: Sendable {
    /// What is unwise, in one sentence without a final stop.
    var message: String
    /// What to do instead.
    var hint: String
    /// Where.
    var location: SourceLocation
    /// JSON pointer into the file.
    var pointer: String?
    /// The piece of footage that shows it.
    var asset: String?

    init(_ message: String, hint: String, at location: SourceLocation, pointer: String? = nil, asset: String? = nil) {
        self.message = message
        self.hint = hint
        self.location = location
        self.pointer = pointer
        self.asset = asset
    }
}
