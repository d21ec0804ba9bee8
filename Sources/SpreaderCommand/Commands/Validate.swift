import ArgumentParser
import Foundation
import PipelineKit
import PipelineRunner

/// `validate FILE`: everything that can be wrong without asking the network.
struct Validate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a pipeline and its footage without running it.",
        discussion: "Prints every finding as file:line:column and exits 0 or 65. Nothing is written or sent.")

    @Argument(help: "The pipeline file, JSON or YAML.", completion: .file(extensions: ["json", "yaml", "yml"]))
    var pipeline: String

    @Argument(help: "Footage: replaces the file's inputs.", completion: .file())
    var inputs: [String] = []

    @Option(help: "How to report: text, or one JSON array of findings.")
    var format: OutputFormat = .text

    @Flag(help: "Run every stage in a process of its own, not only those that read footage.")
    var isolate = false

    func run() async throws {
        let settings = try await Command.settings()
        try await StageHost.with(settings, .pipeline(pipeline), isolate: isolate) { host in
            try await report(settings, host)
        }
    }

    private func report(_ settings: Settings, _ host: StageHost) async throws {
        var checked = await CheckedRun.load(
            file: pipeline, inputs: inputs, registry: host.registry, settings: settings,
            credentials: await Command.credentials(settings, await Command.existing(settings)))
        checked.findings += host.findings
        // Whoever checks a file need not be the one who posts it; footage is looked into all the same.
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
