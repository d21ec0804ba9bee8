package import PipelineKit

/// Findings as workflow commands of GitHub Actions, which shows them beside the lines.
package enum GitHubAnnotations {
    /// `::error file=…,line=…,col=…,title=CODE::message`, one line.
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

    /// What a message may hold.
    private static func data(_ text: String) -> String {
        escaped(text) { ["%": "%25", "\r": "%0D", "\n": "%0A"][$0] }
    }

    /// What a property may hold.
    private static func property(_ text: String) -> String {
        escaped(text) { ["%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"][$0] }
    }

    /// By scalars: CR LF is one character. Logs of workflows are read in terminals, too.
    private static func escaped(_ text: String, _ escape: (Unicode.Scalar) -> String?) -> String {
        VisibleText.of(text, keepsBreaks: true).unicodeScalars.map { escape($0) ?? String($0) }.joined()
    }
}
