import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import SpreaderApp
import StageHosting

/// Reports the results of test cases in one of three formats.
struct CaseReport {
    enum Format: String, CaseIterable {
        /// One line per case, for people.
        case text
        /// One JSON object per line, for scripts.
        case json
        /// One JUnit XML document, for CI systems.
        case junit
    }

    let format: Format
    private let terminal = Terminal.standardOutput()
    private var results: [(file: CaseFile, result: CaseResult)] = []

    init(_ format: Format) { self.format = format }

    /// Adds the result of the next case. Prints it at once, except for JUnit.
    mutating func take(_ result: CaseResult, of file: CaseFile) {
        if format == .text, results.last?.file.file != file.file { Output.result(file.file) }
        results.append((file, result))
        switch format {
        case .text: Output.result(text(result))
        case .json: if let line = try? json(result, file).text() { Output.result(line) }
        case .junit: break
        }
    }

    /// Prints the summary and, for JUnit, the document.
    func finish(seconds: Double) {
        if format == .junit { Output.result(junit(seconds)) }
        let failed = results.count { !$0.result.isPassed }
        let passed = results.count - failed
        let words = failed == 0 ? "\(passed) passed" : "\(passed) passed, \(failed) failed"
        Output.message("\(words) in \(Duration.seconds(seconds).spoken)")
    }

    private func text(_ result: CaseResult) -> String {
        let mark = result.isPassed ? terminal.paint("✓", .green) : terminal.paint("✗", .red)
        let time = terminal.paint("(\(Duration.seconds(result.seconds).spoken))", .dim)
        let lines = result.failures.map { "      " + VisibleText.of("\($0.location): \($0.text)") }
        return (["  \(mark) \(VisibleText.of(result.pipelineCase.name)) \(time)"] + lines).joined(separator: "\n")
    }

    private func json(_ result: CaseResult, _ file: CaseFile) -> JSONValue {
        [
            "file": .string(file.file), "pipeline": .string(file.pipeline),
            "case": .string(result.pipelineCase.name), "passed": .bool(result.isPassed),
            "location": .string(result.pipelineCase.location.description),
            "exit": result.exit.map { .integer(Int64($0)) } ?? .null,
            "seconds": .number((result.seconds * 1000).rounded() / 1000),
            "failures": .array(
                result.failures.map {
                    [
                        "field": .string($0.field), "expected": .string($0.expected), "actual": .string($0.actual),
                        "location": .string($0.location.description),
                    ]
                }),
        ]
    }

    private func junit(_ seconds: Double) -> String {
        var files: [String] = []
        for result in results where !files.contains(result.file.file) { files.append(result.file.file) }
        func time(_ seconds: Double) -> String { String(format: "%.3f", seconds) }
        func counts(_ list: [CaseResult]) -> String {
            "tests=\"\(list.count)\" failures=\"\(list.count { !$0.isPassed })\" errors=\"0\" skipped=\"0\""
        }
        var lines = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<testsuites \(counts(results.map(\.result))) time=\"\(time(seconds))\">",
        ]
        for file in files {
            let list = results.filter { $0.file.file == file }.map(\.result)
            let total = time(list.reduce(0) { $0 + $1.seconds })
            lines.append("  <testsuite name=\"\(Self.escaped(file))\" \(counts(list)) time=\"\(total)\">")
            for result in list {
                let location = result.pipelineCase.location
                let head =
                    "    <testcase classname=\"\(Self.escaped(file))\" name=\"\(Self.escaped(result.pipelineCase.name))\""
                    + " file=\"\(Self.escaped(file))\" line=\"\(location.line ?? 1)\" time=\"\(time(result.seconds))\""
                guard let first = result.failures.first else {
                    lines.append(head + "/>")
                    continue
                }
                lines.append(head + ">")
                let all = result.failures.map { "\($0.location): \($0.text)" }.joined(separator: "\n")
                lines.append(
                    "      <failure message=\"\(Self.escaped(first.text))\" type=\"expectation\">"
                        + "\(Self.escaped(all))</failure>")
                lines.append("    </testcase>")
            }
            lines.append("  </testsuite>")
        }
        lines.append("</testsuites>")
        return lines.joined(separator: "\n")
    }

    /// A JUnit document for invalid test-case files, with one error per finding.
    static func junit(_ wrong: [(file: String, findings: [Diagnostic])]) -> String {
        func counts(_ count: Int) -> String {
            "tests=\"\(count)\" failures=\"0\" errors=\"\(count)\" skipped=\"0\" time=\"0.000\""
        }
        var lines = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<testsuites \(counts(wrong.reduce(0) { $0 + $1.findings.count }))>",
        ]
        for (file, findings) in wrong {
            let name = escaped(file)
            lines.append("  <testsuite name=\"\(name)\" \(counts(findings.count))>")
            for finding in findings {
                let line = finding.location?.line ?? 1
                let text = escaped(finding.text)
                lines += [
                    "    <testcase classname=\"\(name)\" name=\"\(escaped(finding.code)) \(line)\" file=\"\(name)\" "
                        + "line=\"\(line)\" time=\"0.000\">",
                    "      <error message=\"\(escaped(finding.message))\" type=\"\(escaped(finding.code))\">\(text)</error>",
                    "    </testcase>",
                ]
            }
            lines.append("  </testsuite>")
        }
        return (lines + ["</testsuites>"]).joined(separator: "\n")
    }

    /// Escapes text for XML, and drops characters that XML 1.0 does not allow.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\n", "\t", "\r": result += "&#\(scalar.value);"
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: break
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
