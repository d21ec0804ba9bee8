package import PipelineKit

/// Formats findings as compilers do: location, message, code, source line with a caret, and hint.
package struct LintText {
    /// A part of the text that can have its own colour.
    package enum Part: Sendable {
        case error
        case warning
        case note
        /// The location and the message.
        case headline
        /// The caret and the tildes after it.
        case caret
        /// Line numbers and the gutter.
        case frame
    }

    private let texts: SourceTexts
    private let mask: SecretMask
    private let paint: (String, Part) -> String

    /// Creates a formatter for findings in the given files.
    /// - Parameters:
    ///   - texts: The files that findings point into.
    ///   - mask: Masks secrets in source lines.
    ///   - paint: Adds colour to a part of the text.
    package init(
        _ texts: SourceTexts, masking mask: SecretMask = SecretMask(),
        paint: @escaping (String, Part) -> String = { text, _ in text }
    ) {
        self.texts = texts
        self.mask = mask
        self.paint = paint
    }

    /// Formats a finding, in up to four lines.
    package func text(_ finding: Diagnostic) -> String {
        let (word, part): (String, Part) =
            switch finding.severity {
            case .error: ("error", .error)
            case .warning: ("warning", .warning)
            case .note: ("note", .note)
            }
        let place = finding.location.map { paint(VisibleText.of("\($0):"), .headline) + " " } ?? ""
        var lines = [
            place + paint("\(word):", part) + " " + paint(VisibleText.of(finding.message), .headline)
                + " [\(VisibleText.of(finding.code))]"
        ]
        var gutter = 5
        if let location = finding.location, let line = texts.line(at: location), let number = location.line {
            let snippet = Snippet(line, column: location.column ?? 1, masking: mask)
            let digits = String(number)
            gutter = max(5, digits.count + 1)
            let padded = String(repeating: " ", count: gutter - digits.count) + digits
            lines.append(paint("\(padded) |", .frame) + (snippet.text.isEmpty ? "" : " \(snippet.text)"))
            lines.append(
                paint(String(repeating: " ", count: gutter) + " |", .frame) + " " + paint(snippet.marks, .caret))
        }
        if let hint = finding.hint {
            lines.append(
                String(repeating: " ", count: gutter) + paint(" =", .frame) + " help: \(VisibleText.of(hint))")
        }
        return lines.joined(separator: "\n")
    }
}

/// The number of findings by severity.
package struct LintSummary: Sendable, Hashable {
    package var errors: Int
    package var warnings: Int
    package var notes: Int

    package init(_ findings: [Diagnostic]) {
        errors = findings.count { $0.severity == .error }
        warnings = findings.count { $0.severity == .warning }
        notes = findings.count { $0.severity == .note }
    }

    /// A summary such as "1 error, 2 warnings".
    package var text: String {
        let parts = [(errors, "error"), (warnings, "warning"), (notes, "note")].filter { $0.0 > 0 }
        guard !parts.isEmpty else { return "no findings" }
        return parts.map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")" }.joined(separator: ", ")
    }
}
