/// A position in a pipeline file.
public struct SourcePosition: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The file as the user named it.
    public var file: String
    /// The line, from 1; nil when the finding concerns the file as a whole.
    public var line: Int?
    /// The column in characters, from 1; nil is shown as 1.
    public var column: Int?

    public init(file: String, line: Int? = nil, column: Int? = nil) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// `file:line:column`, the form that editors and compilers share.
    public var description: String {
        guard let line else { return file }
        return "\(file):\(line):\(column ?? 1)"
    }
}

/// One finding about a pipeline, its settings or its footage, made before work starts.
///
/// A stage returns its findings from `check`; all of them are collected and shown at once.
public struct Diagnostic: Sendable, Hashable, Codable {
    public enum Severity: String, Sendable, Codable {
        /// Blocks the start until it is fixed.
        case error
        /// Worth fixing, but work can start.
        case warning
        /// Information, such as a decision that was taken for the user.
        case note
    }

    /// The area of a finding, which decides the exit status when the finding blocks the start.
    public enum Subject: String, Sendable, Codable {
        /// The pipeline file or the options on the command line (exit 65).
        case pipeline
        /// One piece of footage (exit 65 when it is the only one).
        case footage
        /// A missing or rejected credential (exit 77).
        case authorisation
        /// The machine or the program's settings (exit 78).
        case configuration
    }

    /// Whether the finding blocks the start.
    public var severity: Severity
    /// A stable code in kebab case, such as `unknown-key`.
    public var code: String
    /// The problem in one sentence, without a full stop.
    public var message: String
    /// What to do next, as an imperative.
    public var hint: String?
    /// The position in the pipeline file; nil when the finding is not about a file.
    public var location: SourcePosition?
    /// The JSON pointer into the pipeline file, such as `/stages/1/with/crf`.
    public var pointer: String?
    public var subject: Subject
    /// The footage concerned, as the user named it; nil when the finding is not about one asset.
    public var asset: String?

    public init(
        _ severity: Severity = .error, code: String, _ message: String, hint: String? = nil,
        location: SourcePosition? = nil, pointer: String? = nil, subject: Subject = .pipeline, asset: String? = nil
    ) {
        self.severity = severity
        self.code = code
        self.message = message
        self.hint = hint
        self.location = location
        self.pointer = pointer
        self.subject = subject
        self.asset = asset
    }

    /// A finding with the code, message and hint of an error.
    package init(_ error: StageError, subject: Subject = .pipeline) {
        self.init(code: error.code.rawValue, error.message, hint: error.hint, subject: subject)
    }

    /// `file:line:column: error: message (hint)` on one line; control characters in names and values are replaced.
    public var text: String {
        var line = location.map { "\($0): " } ?? ""
        line += "\(severity.rawValue): \(message)"
        if let hint { line += " (\(hint))" }
        return VisibleText.of(line)
    }
}
