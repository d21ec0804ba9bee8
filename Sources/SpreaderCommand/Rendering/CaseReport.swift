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
        let suites = files.map { file in
            let results = results.filter { $0.file.file == file }.map(\.result)
            return JUnitSuite(
                name: file, cases: results.map { Self.junit($0, file: file) },
                seconds: results.reduce(0) { $0 + $1.seconds })
        }
        return JUnitSuite.document(suites, seconds: seconds)
    }

    private static func junit(_ result: CaseResult, file: String) -> JUnitCase {
        let details = result.failures.map { "\($0.location): \($0.text)" }.joined(separator: "\n")
        return JUnitCase(
            className: file, name: result.pipelineCase.name,
            location: SourcePosition(file: file, line: result.pipelineCase.location.line), seconds: result.seconds,
            outcome: result.failures.first.map {
                .failure(.init(type: "expectation", message: $0.text, details: details))
            } ?? .passed)
    }

    /// A JUnit document for invalid test-case files, with one error per finding.
    static func junit(_ wrong: [(file: String, findings: [Diagnostic])]) -> String {
        let suites = wrong.map { file, findings in
            let cases = findings.map { finding in
                let line = finding.location?.line ?? 1
                return JUnitCase(
                    className: file, name: "\(finding.code) \(line)", location: SourcePosition(file: file, line: line),
                    seconds: 0,
                    outcome: .error(.init(type: finding.code, message: finding.message, details: finding.text)))
            }
            return JUnitSuite(name: file, cases: cases, seconds: 0)
        }
        return JUnitSuite.document(suites, seconds: 0)
    }
}
