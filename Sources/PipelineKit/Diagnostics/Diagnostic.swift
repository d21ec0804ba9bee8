/// A place in a pipeline file. Lines and columns count from 1.
public struct SourceLocation: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The file as the user named it.
    public var file: String
    /// Line, from 1; nil when the finding concerns the file as a whole.
    public var line: Int?
    /// Column in characters, from 1.
    public var column: Int?

    /// A place in `file`.
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

/// One finding about a pipeline, its settings or its footage, found before work starts.
public struct Diagnostic: Sendable, Hashable, Codable {
    /// How much a finding matters.
    public enum Severity: String, Sendable, Codable {
        /// Nothing starts while it stands.
        case error
        /// Worth knowing; work goes on.
        case warning
        /// An explanation that belongs to a run, such as a decision taken.
        case note
    }

    /// What area a finding belongs to; decides the exit status when nothing can start.
    public enum Subject: String, Sendable, Codable {
        /// The pipeline file or the options on the command line (exit 65).
        case pipeline
        /// One piece of footage (exit 65 when it is all there is).
        case footage
        /// A credential is missing or refused (exit 77).
        case authorisation
        /// The machine or the program's settings (exit 78).
        case configuration
    }

    /// How much it matters.
    public var severity: Severity
    /// A stable code in kebab case, such as `unknown-key`.
    public var code: String
    /// What is wrong, in one sentence without a final stop.
    public var message: String
    /// What to do about it.
    public var hint: String?
    /// Where; nil for what no file says.
    public var location: SourceLocation?
    /// JSON pointer into the pipeline file, such as `/stages/1/with/crf`.
    public var pointer: String?
    /// The area it belongs to.
    public var subject: Subject
    /// The piece of footage that it concerns, as the user named it; nil when it concerns none alone.
    public var asset: String?

    /// A finding.
    public init(
        _ severity: Severity = .error, code: String, _ message: String, hint: String? = nil,
        location: SourceLocation? = nil, pointer: String? = nil, subject: Subject = .pipeline, asset: String? = nil
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

    /// An error as a finding.
    package init(_ error: StageError, subject: Subject = .pipeline) {
        self.init(code: error.code.rawValue, error.message, hint: error.hint, subject: subject)
    }

    /// `file:line:column: error: message (hint)`, one line, whatever names of files and values are in it.
    public var text: String {
        var line = location.map { "\($0): " } ?? ""
        line += "\(severity.rawValue): \(message)"
        if let hint { line += " (\(hint))" }
        return VisibleText.of(line)
    }
}
