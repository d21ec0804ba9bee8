import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import SpreaderApp
import StageHosting

struct Lint: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a pipeline and suggest improvements.",
        discussion: """
            Reports the findings of `validate`, and constructs that work but are unwise; docs/lint.md explains every \
            code. Exits 65 on errors, and with --strict on warnings too. Writes and sends nothing.

            Examples:
              spreader-pipeline lint pipelines/tiktok.json
              spreader-pipeline lint pipelines/tiktok.json --strict --format github
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, github, junit }

    @OptionGroup var target: PipelineFileArguments

    @Flag(help: "Exit with 65 on warnings, too.")
    var strict = false

    @Option(help: ArgumentHelp("Suppress this advice or warning; can be repeated.", valueName: "code"))
    var allow: [String] = []

    @Option(help: "Output format: text, a JSON array, GitHub Actions annotations or a JUnit report.")
    var format: Format = .text

    func validate() throws {
        let codes = Linter.rules.map(\.code) + Linter.warnings
        for code in allow where !codes.contains(code) {
            let hint = NearestName.of(code, in: codes).map { "did you mean \"\($0)\"?" } ?? "see docs/lint.md"
            throw ValidationError("--allow: unknown code \"\(code)\" (\(hint))")
        }
    }

    func run() async throws {
        let selection = try target.selection()
        do {
            let settings = try await Settings.load()
            try await Workspace.with(settings, for: selection) { workspace in
                // A missing login on this machine is not a fault of the file.
                var prepared = await PreparedRun.load(selection, in: workspace, authorisation: .reported(.note))
                await prepared.planFootage()
                let summary = try report(prepared.advice(allowing: Set(allow)), prepared.secretMask)
                if summary.errors > 0 || (strict && summary.warnings > 0) { throw ExitCode(65) }
            }
        } catch let error as StageError {
            // Nothing can be checked with these settings: the error is the only finding.
            _ = try report([Diagnostic(error, subject: .configuration)], SecretMask())
            throw ExitCode(Int32(error.outcome.rawValue))
        }
    }

    private func report(_ findings: [Diagnostic], _ mask: SecretMask) throws -> LintSummary {
        switch format {
        case .text: show(findings, mask)
        case .json: try Output.json(findings)
        case .github: for finding in findings { Output.result(GitHubAnnotations.text(finding)) }
        case .junit: Output.result(JUnitReport.text(findings, file: target.pipeline, strict: strict))
        }
        let summary = LintSummary(findings)
        Output.message("\(target.pipeline): \(summary.text)")
        return summary
    }

    private func show(_ findings: [Diagnostic], _ mask: SecretMask) {
        let terminal = Terminal.standardOutput()
        let form = LintText(SourceTexts(onDiskFor: findings), masking: mask) { text, part in
            switch part {
            case .error: terminal.paint(text, .red)
            case .warning: terminal.paint(text, .yellow)
            case .note: terminal.paint(text, .cyan)
            case .headline: terminal.paint(text, .bold)
            case .caret: terminal.paint(text, .green)
            case .frame: terminal.paint(text, .dim)
            }
        }
        for finding in findings { Output.result(form.text(finding)) }
    }
}
