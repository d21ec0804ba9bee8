import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import SpreaderApp
import StageHosting

struct Validate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a pipeline and its footage without running it.",
        discussion: """
            Prints every finding as file:line:column and exits 0 or 65. Writes and sends nothing.

            Examples:
              spreader-pipeline validate pipelines/tiktok.json
              spreader-pipeline validate pipelines/tiktok.json clip.mp4 --format json
            """)

    @OptionGroup var target: PipelineFileArguments

    @Option(help: "Output format; json is one array of findings.")
    var format: OutputFormat = .text

    @Flag(help: "Run every stage in a child process, not only those that read footage.")
    var isolate = false

    func run() async throws {
        var selection = try target.selection()
        selection.isolate = isolate
        do {
            let settings = try await Settings.load()
            try await Workspace.with(settings, for: selection) { [selection] workspace in
                var prepared = await PreparedRun.load(selection, in: workspace, authorisation: .reported(.warning))
                await prepared.planFootage()
                try report(prepared)
            }
        } catch let error as StageError {
            // Nothing can be checked with these settings: the error is the only finding.
            if format == .json { try Output.json([Diagnostic(error, subject: .configuration)]) }
            throw error
        }
    }

    private func report(_ prepared: PreparedRun) throws {
        let isValid = !prepared.findings.contains { $0.severity == .error }
        switch format {
        case .json:
            try Output.json(prepared.findings)
        case .text:
            for finding in prepared.findings { Output.message(finding.text) }
            if isValid {
                let count = prepared.assets.count
                Output.result("\(target.pipeline): valid, \(count == 1 ? "1 asset" : "\(count) assets")")
            }
        }
        if !isValid { throw ExitCode(65) }
    }
}
