import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import SpreaderApp
import StageHosting

extension Plugins {
    /// `plugins check PATH`: runs the conformance suite.
    struct CheckPlugin: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Check that a plugin follows the protocol.",
            discussion: """
                Starts a plugin process for each check: handshake, unknown fields, other protocol versions and exit, and for \
                each stage its options, check, plan, run, cancellation and long lines. Files go to a temporary folder. \
                Exits 0 if all checks pass, 65 if one fails, 78 if plugin.json is invalid.
                """)

        @Argument(help: "Plugin folder, or a name from `plugins list`.", completion: .directory)
        var plugin: String?
        @Flag(help: "Check the built-in stages instead.") var builtIn = false
        @Option(help: ArgumentHelp("Footage to run the stages on; generated if omitted.", valueName: "file"))
        var input: String?
        @Option(help: ArgumentHelp("Set a stage option.", valueName: "stage.option=value")) var set: [String] = []
        @OptionGroup var output: FormatOption

        func validate() throws {
            guard builtIn != (plugin != nil) else { throw ValidationError("give a plugin or --built-in") }
            _ = try PipelineSelection.checked(file: "", inputs: [], set: set)
        }

        func run() async throws {
            let settings = try await Settings.load()
            let (manifest, policy) = try builtIn ? StageHost.ownManifest(settings) : found(settings)
            let folder = FileManager.default.temporaryDirectory.appending(
                path: "spreader-check-\(UUID().uuidString.prefix(8))")
            defer { try? FileManager.default.removeItem(at: folder) }
            let samples = try await SampleArtifacts.make(from: input, in: folder.appending(path: "input"))
            let suite = PluginConformance(
                manifest, policy, samples: samples.artifacts,
                options: options(samples.options), folder: folder.appending(path: "work"),
                mayPost: builtIn)
            let checks = try await suite.run()
            let failed = checks.filter { $0.verdict == .failed }.count
            switch output.format {
            case .json:
                Output.result(
                    try JSONValue.array(
                        checks.map {
                            [
                                "check": .string($0.name), "verdict": .string($0.verdict.rawValue),
                                "detail": .string($0.detail),
                            ]
                        }
                    ).text(pretty: true))
            case .text:
                let marks: [PluginConformance.Check.Verdict: String] = [.passed: "✓", .failed: "✗", .skipped: "-"]
                Output.result(Output.table(checks.map { ["\(marks[$0.verdict] ?? "?") \($0.name)", $0.detail] }))
                let skipped = checks.filter { $0.verdict == .skipped }.count
                Output.message(
                    "\(manifest.name) \(manifest.version): \(checks.count - failed - skipped) passed, \(failed) failed"
                        + (skipped == 0 ? "" : ", \(skipped) skipped"))
            }
            if failed > 0 { throw ExitCode(65) }
        }

        private func found(_ settings: Settings) throws -> (PluginManifest, PluginPolicy) {
            let name = plugin ?? ""
            let path = URL(filePath: name).standardizedFileURL
            var manifest: PluginManifest?
            if FileManager.default.fileExists(atPath: path.appending(path: PluginManifest.fileName).path) {
                let (read, findings) = PluginManifest.read(in: path, named: name)
                for finding in findings { Output.message(finding.text) }
                guard let read else { throw ExitCode(78) }
                manifest = read
            } else {
                let (all, findings) = StageHost.manifests(settings)
                manifest = all.first { $0.name == name }
                if manifest == nil {
                    for finding in findings { Output.message(finding.text) }
                    let near = NearestName.of(name, in: all.map(\.name)).map { " (did you mean \"\($0)\"?)" }
                    Output.message(
                        "error: \(name) is neither a folder with a plugin.json nor a known plugin\(near ?? "")")
                    throw ExitCode(64)
                }
            }
            guard let manifest else { throw ExitCode(78) }
            do {
                let policy = try StageHost.policy(settings, StageHost.manifests(settings).plugins + [manifest])
                for finding in policy.findings(manifest, onlySet: false) { Output.message(finding.text) }
                return (manifest, policy)
            } catch {
                Output.message("error: \(error.description)")
                throw ExitCode(Int32(error.outcome.rawValue))
            }
        }

        private func options(_ usual: [String: [String: JSONValue]]) -> [String: [String: JSONValue]] {
            var options = builtIn ? usual : [:]
            for override in (try? PipelineSelection(file: "", set: set).overrides) ?? [] {
                options[override.stage ?? "", default: [:]][override.key] = override.unchecked
            }
            return options
        }
    }
}
