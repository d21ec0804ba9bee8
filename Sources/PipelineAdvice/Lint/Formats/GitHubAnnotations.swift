package import PipelineKit

/// Formats findings as GitHub Actions workflow commands, which appear as annotations in the diff.
package enum GitHubAnnotations {
    /// One line of the form `::error file=…,line=…,col=…,title=CODE::message`.
    package static func text(_ finding: Diagnostic) -> String {
        let command =
            switch finding.severity {
            case .error: "error"
            case .warning: "warning"
            case .note: "notice"
            }
        var properties: [String] = []
        if let location = finding.location {
            properties.append("file=\(property(location.file))")
            if let line = location.line { properties.append("line=\(line),col=\(location.column ?? 1)") }
        }
        properties.append("title=\(property(finding.code))")
        let message = finding.message + (finding.hint.map { " (\($0))" } ?? "")
        return "::\(command) \(properties.joined(separator: ","))::\(data(message))"
    }

    private static func data(_ text: String) -> String {
        escaped(text) { ["%": "%25", "\r": "%0D", "\n": "%0A"][$0] }
    }

    /// Properties also escape their separators.
    private static func property(_ text: String) -> String {
        escaped(text) { ["%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"][$0] }
    }

    /// Escapes by Unicode scalars, because CR LF is one character. Makes control characters visible, as terminals may
    /// show the log.
    private static func escaped(_ text: String, _ escape: (Unicode.Scalar) -> String?) -> String {
        VisibleText.of(text, keepsBreaks: true).unicodeScalars.map { escape($0) ?? String($0) }.joined()
    }
}
