import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import SpreaderApp
import StageHosting

struct Plugins: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, check and create plugins.",
        discussion: """
            A plugin is a folder with a plugin.json and a program in any language. Plugins are loaded from ./plugins, \
            from plugins in the data folder (SPREADER_HOME), and from the folders in SPREADER_PLUGIN_PATH.
            """,
        subcommands: [List.self, CheckPlugin.self, New.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the installed plugins and their stages.",
            discussion: "Starts every plugin to check it. Exits 78 if one fails to start.")

        @OptionGroup var output: FormatOption

        func run() async throws {
            let settings = try await Settings.load()
            let (manifests, findings) = StageHost.manifests(settings)
            let policy = try StageHost.policy(settings, manifests)
            var rows: [(manifest: PluginManifest, problem: StageError?)] = []
            for manifest in manifests {
                let plugin = Plugin(manifest, policy)
                do throws(StageError) {
                    _ = try await plugin.stages()
                    rows.append((manifest, nil))
                } catch {
                    rows.append((manifest, error))
                }
                await plugin.close()
            }
            for finding in findings + manifests.flatMap({ policy.findings($0, onlySet: false) }) {
                Output.message(finding.text)
            }
            switch output.format {
            case .json:
                Output.result(
                    try JSONValue.array(
                        rows.map { manifest, problem in
                            [
                                "name": .string(manifest.name), "version": .string(manifest.version),
                                "description": .string(manifest.summary),
                                "stages": .array(manifest.stages.map(JSONValue.string)),
                                "path": .string(manifest.folder.path),
                                "problem": problem.map { .string($0.description) } ?? .null,
                            ]
                        }
                    ).text(pretty: true))
            case .text:
                if rows.isEmpty {
                    let folders = StageHost.folders(settings).joined(separator: ", ")
                    Output.message("no plugins in \(folders)")
                } else {
                    Output.result(
                        Output.table(
                            rows.map { manifest, problem in
                                [
                                    "\(problem == nil ? "✓" : "✗") \(manifest.name)", manifest.version,
                                    manifest.stages.joined(separator: ", "), manifest.folder.path,
                                ]
                            }))
                }
                for case let (_, problem?) in rows { Output.message("error: \(problem.description)") }
            }
            if rows.contains(where: { $0.problem != nil }) { throw ExitCode(78) }
        }
    }
}
