import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting

/// Runs every reader of pipeline files on a damaged one, and validates their findings.
struct PipelineCase {
    /// The outcome of a case.
    enum Verdict: String, CaseIterable {
        /// Still a valid pipeline.
        case valid
        /// Rejected with findings.
        case refused
        /// Not UTF-8; the error must give the location of the first invalid byte.
        case notText = "not text"
    }

    let registry: StageRegistry
    /// The file with the bytes of the case.
    let scratch: URL

    /// Checks `bytes` and returns the verdict, and every fault in the findings.
    func run(_ bytes: [UInt8], file: String) async -> (verdict: Verdict, faults: [String]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return (.notText, decodingFaults(of: bytes)) }
        let checker = PipelineChecker(registry: registry, environment: { $0 == "HOME" ? "/home" : nil })
        let document = PipelineDocument(text, file: file)
        let (pipeline, findings) = checker.check(document)
        var all = findings
        if let pipeline, let post = try? PostSettings.make(from: pipeline.post) {
            let context = CheckContext(post: post, account: pipeline.account, settings: [:])
            for stage in pipeline.stages {
                all += await stage.stage.check(context).map { pipeline.placed($0, of: stage) }
            }
        }
        let assets = ["a.mp4", "b.mp4"].map { AssetInput(name: $0, path: "/footage/\($0)", post: [:]) }
        all += Linter(
            document, pipeline: pipeline, environment: { $0 == "HOME" ? "/home" : nil }, assets: assets
        ).findings()
        let lines = Self.lines(of: text)
        var faults = all.compactMap { fault(in: $0, lines: lines, file: file) }
        if pipeline == nil, !findings.contains(where: { $0.severity == .error }) {
            faults.append("refused without an error")
        }
        faults += outputFaults(of: all, text: text, file: file)
        return (pipeline == nil ? .refused : .valid, faults)
    }

    /// Describes a wrong reaction to bytes that are not UTF-8.
    private func decodingFaults(of bytes: [UInt8]) -> [String] {
        do throws(FileText.Problem) {
            _ = try FileText.read(scratch)
            return ["read as text, although it is not UTF-8"]
        } catch {
            return error.line >= 1 && error.column >= 1 && error.column <= bytes.count + 1 ? [] : ["no place: \(error)"]
        }
    }

    /// Describes an invalid location of a finding; nil if it is valid.
    private func fault(in finding: Diagnostic, lines: [Int], file: String) -> String? {
        guard let location = finding.location, location.file == file else { return "no place: \(finding)" }
        guard let line = location.line, let column = location.column else { return "no line: \(finding)" }
        guard lines.indices.contains(line - 1) else { return "line beyond the last one (\(lines.count)): \(finding)" }
        guard (1...(lines[line - 1] + 1)).contains(column) else {
            return "column beyond the end of the line (\(lines[line - 1])): \(finding)"
        }
        return nil
    }

    /// The lengths of the lines, counted independently of the program's code.
    private static func lines(of text: String) -> [Int] {
        var lengths = [0]
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            // A byte order mark is not a column.
            if previous == nil, scalar == "\u{FEFF}" { continue }
            if scalar == "\n", previous == "\r" {
                // The second half of a CRLF.
            } else if scalar == "\n" || scalar == "\r" {
                lengths.append(0)
            } else {
                lengths[lengths.count - 1] += 1
            }
            previous = scalar
        }
        return lengths
    }

    /// Describes invalid output of the text, GitHub and JUnit formats.
    private func outputFaults(of findings: [Diagnostic], text: String, file: String) -> [String] {
        var faults: [String] = []
        let format = LintText(SourceTexts(for: findings) { _ in text })
        for finding in findings {
            let lines = format.text(finding).split(separator: "\n", omittingEmptySubsequences: false)
            if lines.count > 4 { faults.append("more than four lines: \(lines)") }
            // No line may contain control characters: the first quotes the file name, the others the file.
            if lines.contains(where: { $0.unicodeScalars.contains { $0.value < 32 || $0.value == 127 } }) {
                faults.append("control characters for the terminal: \(lines)")
            }
            if lines.count >= 3, lines[2].count(where: { $0 == "^" }) != 1 { faults.append("no caret: \(lines)") }
            if GitHubAnnotations.text(finding).unicodeScalars.contains(where: { $0 == "\n" || $0 == "\r" }) {
                faults.append("an annotation with a line break: \(finding)")
            }
        }
        let report = JUnitReport.text(findings, file: file, strict: true)
        if report.unicodeScalars.contains(where: { $0.value < 32 && $0 != "\n" }) {
            faults.append("control characters in XML")
        }
        return faults
    }
}
