import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting

/// Takes one damaged pipeline file through all that reads it, and sees that what is said can be used.
struct PipelineCase {
    /// What became of a case.
    enum Verdict: String, CaseIterable {
        /// A pipeline after all.
        case valid
        /// Refused with findings.
        case refused
        /// Not text; the place of its first wrong byte is told.
        case noText = "not text"
    }

    let registry: StageRegistry
    /// The file that holds the case's bytes.
    let scratch: URL

    /// What became of `bytes`, and what is wrong with the answer.
    func run(_ bytes: [UInt8], file: String) async -> (verdict: Verdict, faults: [String]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return (.noText, noText(bytes)) }
        let checker = PipelineChecker(registry: registry, environment: { $0 == "HOME" ? "/home" : nil })
        let (pipeline, findings) = checker.check(text, file: file)
        var all = findings
        if let pipeline, let post = try? PostSettings.make(from: pipeline.post) {
            let context = CheckContext(post: post, account: pipeline.account, settings: [:])
            for stage in pipeline.stages {
                all += await stage.stage.check(context).map { pipeline.placed($0, of: stage) }
            }
        }
        let assets = ["a.mp4", "b.mp4"].map { AssetInput(name: $0, path: "/footage/\($0)", post: [:]) }
        all += Linter(
            text, file: file, pipeline: pipeline, environment: { $0 == "HOME" ? "/home" : nil }, assets: assets
        ).findings()
        let lines = Self.lines(of: text)
        var faults = all.compactMap { fault(in: $0, lines: lines, file: file) }
        if pipeline == nil, !findings.contains(where: { $0.severity == .error }) {
            faults.append("refused without an error")
        }
        faults += formFaults(all, text: text, file: file)
        return (pipeline == nil ? .refused : .valid, faults)
    }

    private func noText(_ bytes: [UInt8]) -> [String] {
        do throws(FileText.Problem) {
            _ = try FileText.read(scratch)
            return ["read as text, though it is none"]
        } catch {
            return error.line >= 1 && error.column >= 1 && error.column <= bytes.count + 1 ? [] : ["no place: \(error)"]
        }
    }

    /// What is wrong with a finding's place.
    private func fault(in finding: Diagnostic, lines: [Int], file: String) -> String? {
        guard let location = finding.location, location.file == file else { return "no place: \(finding)" }
        guard let line = location.line, let column = location.column else { return "no line: \(finding)" }
        guard lines.indices.contains(line - 1) else { return "line beyond the \(lines.count) of the file: \(finding)" }
        guard (1...(lines[line - 1] + 1)).contains(column) else {
            return "column beyond the \(lines[line - 1]) of the line: \(finding)"
        }
        return nil
    }

    /// The lengths of the lines, counted apart from the program's own way.
    private static func lines(of text: String) -> [Int] {
        var lengths = [0]
        var before: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            // Nobody sees a mark of the byte order.
            if before == nil, scalar == "\u{FEFF}" { continue }
            if scalar == "\n", before == "\r" {
                // Belongs to the break that was counted.
            } else if scalar == "\n" || scalar == "\r" {
                lengths.append(0)
            } else {
                lengths[lengths.count - 1] += 1
            }
            before = scalar
        }
        return lengths
    }

    /// What is wrong with the forms that findings are shown in.
    private func formFaults(_ findings: [Diagnostic], text: String, file: String) -> [String] {
        var faults: [String] = []
        let form = LintText(SourceTexts(for: findings) { _ in text })
        for finding in findings {
            let lines = form.text(finding).split(separator: "\n", omittingEmptySubsequences: false)
            if lines.count > 4 { faults.append("more than four lines: \(lines)") }
            // The first line holds the file's name, the others what the file holds.
            if lines.contains(where: { $0.unicodeScalars.contains { $0.value < 32 || $0.value == 127 } }) {
                faults.append("control characters for the terminal: \(lines)")
            }
            if lines.count >= 3, lines[2].count(where: { $0 == "^" }) != 1 { faults.append("no caret: \(lines)") }
            if GitHubAnnotations.text(finding).unicodeScalars.contains(where: { $0 == "\n" || $0 == "\r" }) {
                faults.append("an annotation in two lines: \(finding)")
            }
        }
        let report = JUnitReport.text(findings, file: file, strict: true)
        if report.unicodeScalars.contains(where: { $0.value < 32 && $0 != "\n" }) {
            faults.append("control characters in XML")
        }
        return faults
    }
}

/// An account that can be used.
