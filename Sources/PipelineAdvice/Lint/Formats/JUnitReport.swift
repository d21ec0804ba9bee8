package import PipelineKit

/// Formats findings as a JUnit report with one test case each, or a single passed one if there are no findings.
package enum JUnitReport {
    /// The report as an XML document.
    /// - Parameters:
    ///   - findings: The findings.
    ///   - file: The pipeline file, for findings without a location.
    ///   - strict: Whether warnings count as failures.
    package static func text(_ findings: [Diagnostic], file: String, strict: Bool) -> String {
        func fails(_ finding: Diagnostic) -> Bool {
            finding.severity == .error || (strict && finding.severity == .warning)
        }
        var lines = [
            #"<?xml version="1.0" encoding="UTF-8"?>"#,
            "<testsuite name=\"\(escaped("spreader-pipeline lint \(file)"))\" tests=\"\(max(1, findings.count))\" "
                + "failures=\"\(findings.count(where: fails))\" errors=\"0\" skipped=\"0\">",
        ]
        if findings.isEmpty { lines.append("  <testcase classname=\"\(escaped(file))\" name=\"lint\"/>") }
        for finding in findings {
            let place = finding.location.map(\.description) ?? file
            lines.append(
                "  <testcase classname=\"\(escaped(finding.location?.file ?? file))\" name=\"\(escaped("\(finding.code) \(place)"))\">"
            )
            if fails(finding) {
                lines.append(
                    "    <failure type=\"\(escaped(finding.code))\" message=\"\(escaped(finding.message))\">\(escaped(finding.text))</failure>"
                )
            } else {
                lines.append("    <system-out>\(escaped(finding.text))</system-out>")
            }
            lines.append("  </testcase>")
        }
        return (lines + ["</testsuite>"]).joined(separator: "\n")
    }

    /// Escapes text for XML 1.0, and drops control characters that it can't represent.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&apos;"
            case "\n": result += "&#10;"
            case "\r": result += "&#13;"
            case "\t": result += "&#9;"
            case "\u{FFFE}", "\u{FFFF}": break
            default: if scalar.value >= 0x20 { result.unicodeScalars.append(scalar) }
            }
        }
        return result
    }
}
