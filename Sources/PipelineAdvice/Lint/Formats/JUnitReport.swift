package import PipelineKit

/// Formats findings as a JUnit report with one test case each, or a single passed one if there are no findings.
package enum JUnitReport {
    /// The report as an XML document.
    /// - Parameters:
    ///   - findings: The findings.
    ///   - file: The pipeline file, for findings without a location.
    ///   - strict: Whether warnings count as failures.
    package static func text(_ findings: [Diagnostic], file: String, strict: Bool) -> String {
        let cases = findings.map { finding in
            let isFailure = finding.severity == .error || (strict && finding.severity == .warning)
            return JUnitCase(
                className: finding.location?.file ?? file,
                name: "\(finding.code) \(finding.location.map(\.description) ?? file)",
                outcome: isFailure
                    ? .failure(.init(type: finding.code, message: finding.message, details: finding.text))
                    : .remarks(finding.text))
        }
        let passed = JUnitCase(className: file, name: "lint", outcome: .passed)
        return JUnitSuite(name: "spreader-pipeline lint \(file)", cases: cases.isEmpty ? [passed] : cases).document
    }
}
