import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
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

    @Argument(help: "Pipeline file, JSON or YAML.", completion: .file(extensions: ["json", "yaml", "yml"]))
    var pipeline: String

    @Argument(help: "Footage: files, folders or patterns; replaces the pipeline's inputs.", completion: .file())
    var inputs: [String] = []

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
        let settings: Settings
        do throws(StageError) {
            settings = try await Settings.load()
        } catch {
            throw refuse(error)
        }
        let document = PipelineDocument.read(pipeline)
        try await StageHost.with(settings, .named(document.stageNames), orElse: { throw refuse($0) }) { host in
            let (findings, mask) = await findings(document, settings, host: host)
            let summary = try report(findings, mask)
            if summary.errors > 0 || (strict && summary.warnings > 0) { throw ExitCode(65) }
        }
    }

    /// Reports an error in the settings as the only finding, since nothing can be checked without them.
    private func refuse(_ error: StageError) -> ExitCode {
        let finding = Diagnostic(error, subject: .configuration)
        _ = try? report([finding], SecretMask())
        return ExitCode(Int32(error.outcome.rawValue))
    }

    private func report(_ findings: [Diagnostic], _ mask: SecretMask) throws -> LintSummary {
        switch format {
        case .text: show(findings, mask)
        case .json: Output.result(try JSONValue(encoding: findings).text(pretty: true))
        case .github: for finding in findings { Output.result(GitHubAnnotations.text(finding)) }
        case .junit: Output.result(JUnitReport.text(findings, file: pipeline, strict: strict))
        }
        let summary = LintSummary(findings)
        Output.message("\(pipeline): \(summary.text)")
        return summary
    }

    private func findings(
        _ document: PipelineDocument, _ settings: Settings, host: StageHost
    ) async -> ([Diagnostic], SecretMask) {
        var checked = await CheckedRun.load(
            document, inputs: inputs, registry: host.registry, settings: settings,
            credentials: await Command.credentials(settings, await Command.existing(settings)))
        // A missing login on this machine is not a fault of the file.
        checked.tolerateAuthorisation(as: .note)
        let plans = await checked.planFootage(settings: settings)
        let linter = Linter(
            document, pipeline: checked.pipeline, stages: host.registry.stages, environment: { settings[$0] },
            assets: checked.assets, plans: plans)
        let allowed = Set(allow)
        let findings = (checked.findings + host.findings).filter {
            $0.severity == .error || !allowed.contains($0.code)
        }
        let all = findings + linter.findings(allowing: allowed)
        return (all.sorted { rank($0) < rank($1) }.map(linter.mask.masked), linter.mask)
    }

    /// Sort key: findings in the pipeline file from top to bottom, then findings in other files.
    private func rank(_ finding: Diagnostic) -> (Int, Int, Int) {
        guard let location = finding.location, location.file == pipeline else { return (1, 0, 0) }
        return (0, location.line ?? .max, location.column ?? 0)
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
