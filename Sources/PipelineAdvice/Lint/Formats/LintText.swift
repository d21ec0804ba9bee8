package import PipelineKit

/// Findings as compilers show them: place, message, code, the line with a caret, and what to do.
package struct LintText {
    /// What a part of the text is, for those who paint it.
    package enum Part: Sendable {
        /// "error".
        case error
        /// "warning".
        case warning
        /// "note".
        case note
        /// The place and the message.
        case headline
        /// The caret with its waves.
        case caret
        /// Line numbers and frames.
        case frame
    }

    private let texts: SourceTexts
    private let mask: SecretMask
    private let paint: (String, Part) -> String

    /// A form.
    /// - Parameters:
    ///   - texts: The files that findings point into.
    ///   - mask: Hides what is secret in their lines.
    ///   - paint: Colours a part of the text.
    package init(
        _ texts: SourceTexts, masking mask: SecretMask = SecretMask(),
        paint: @escaping (String, Part) -> String = { text, _ in text }
    ) {
        self.texts = texts
        self.mask = mask
        self.paint = paint
    }

    /// One finding, in several lines.
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

/// What a list of findings comes to.
package struct LintSummary: Sendable, Hashable {
    /// How many errors.
    package var errors: Int
    /// How many warnings.
    package var warnings: Int
    /// How many notes.
    package var notes: Int

    /// Counts.
    package init(_ findings: [Diagnostic]) {
        errors = findings.count { $0.severity == .error }
        warnings = findings.count { $0.severity == .warning }
        notes = findings.count { $0.severity == .note }
    }

    /// "1 error, 2 warnings".
    package var text: String {
        let parts = [(errors, "error"), (warnings, "warning"), (notes, "note")].filter { $0.0 > 0 }
        guard !parts.isEmpty else { return "nothing to say" }
        return parts.map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")" }.joined(separator: ", ")
    }
}
