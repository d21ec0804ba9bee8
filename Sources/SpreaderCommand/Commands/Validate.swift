import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
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

    @Argument(help: "Pipeline file, JSON or YAML.", completion: .file(extensions: ["json", "yaml", "yml"]))
    var pipeline: String

    @Argument(help: "Footage: files, folders or patterns; replaces the pipeline's inputs.", completion: .file())
    var inputs: [String] = []

    @Option(help: "Output format; json is one array of findings.")
    var format: OutputFormat = .text

    @Flag(help: "Run every stage in a child process, not only those that read footage.")
    var isolate = false

    func run() async throws {
        let settings: Settings
        do throws(StageError) {
            settings = try await Settings.load()
        } catch {
            throw refuse(error)
        }
        let document = PipelineDocument.read(pipeline)
        try await StageHost.with(
            settings, .named(document.stageNames), isolate: isolate, orElse: { throw refuse($0) }
        ) { host in
            try await report(document, settings, host: host)
        }
    }

    /// Reports an error in the settings as the only finding, since nothing can be checked without them.
    private func refuse(_ error: StageError) -> ExitCode {
        if format == .json,
            let text = try? JSONValue(encoding: [Diagnostic(error, subject: .configuration)]).text(pretty: true)
        {
            Output.result(text)
        }
        return Command.exit(error)
    }

    private func report(_ document: PipelineDocument, _ settings: Settings, host: StageHost) async throws {
        var checked = await CheckedRun.load(
            document, inputs: inputs, registry: host.registry, settings: settings,
            credentials: await Command.credentials(settings, await Command.existing(settings)))
        checked.add(host.findings)
        // The user who checks a file may not be the one who posts it, so a missing login is only a warning.
        checked.tolerateAuthorisation(as: .warning)
        _ = await checked.planFootage(settings: settings)
        let errors = checked.findings.filter { $0.severity == .error }
        switch format {
        case .json:
            Output.result(try JSONValue(encoding: checked.findings).text(pretty: true))
        case .text:
            for finding in checked.findings { Output.message(finding.text) }
            if errors.isEmpty {
                let count = checked.assets.count
                Output.result("\(pipeline): valid, \(count == 1 ? "1 asset" : "\(count) assets")")
            }
        }
        if !errors.isEmpty { throw ExitCode(65) }
    }
}
