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
    /// `plugins new NAME`: creates a plugin from a template.
    struct New: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Create a plugin folder with a working example stage.")

        /// The languages with a template.
        enum Language: String, ExpressibleByArgument, CaseIterable { case swift, python }

        @Argument(help: "Name of the plugin and its stage: lower-case words joined with hyphens.") var name: String
        @Option(help: "Programming language.") var language: Language
        @Option(help: ArgumentHelp("Create the plugin in this folder.", valueName: "dir"), completion: .directory)
        var into = "plugins"
        @Option(
            help: ArgumentHelp("Source folder of spreader-pipeline; required for Swift.", valueName: "dir"),
            completion: .directory)
        var kit: String?

        func validate() throws {
            guard name.wholeMatch(of: /[a-z][a-z0-9]*(-[a-z0-9]+)*/) != nil else {
                throw ValidationError(
                    "the name must be lower-case words joined with hyphens, such as end-card, not \"\(name)\"")
            }
            if StageRegistry.linked.stage(named: name) != nil {
                throw ValidationError("a stage \"\(name)\" already exists: choose another name")
            }
            if language == .swift, kit == nil {
                throw ValidationError("a Swift plugin needs the kit: give its source folder with --kit")
            }
            if let kit, !FileManager.default.fileExists(atPath: kit + "/Package.swift") {
                throw ValidationError("--kit \(kit) has no Package.swift")
            }
        }

        func run() async throws {
            let folder = URL(filePath: into).appending(path: name)
            guard !FileManager.default.fileExists(atPath: folder.path) else {
                Output.message("error: \(into)/\(name) already exists; choose another name, or remove it")
                throw ExitCode(64)
            }
            do {
                for (path, text) in files {
                    let file = folder.appending(path: path)
                    try FileManager.default.createDirectory(
                        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                    try Data(text.utf8).write(to: file)
                }
            } catch {
                Output.message("error: can't write \(into)/\(name): \(error.localizedDescription)")
                throw ExitCode(78)
            }
            let place = "\(into)/\(name)"
            Output.result(place)
            if language == .swift { Output.message("build it: swift build -c release --package-path \(place)") }
            Output.message("then: spreader-pipeline plugins check \(place)")
        }

        private var files: [(path: String, text: String)] {
            let module = module
            switch language {
            case .python:
                return [
                    (PluginManifest.fileName, manifest(command: #"["python3", "\#(module).py"]"#)),
                    ("\(module).py", filled(PackageResources.stage_py)),
                    ("test_\(module).py", filled(PackageResources.test_py)),
                    ("spreader_plugin.py", String(decoding: PackageResources.spreader_plugin_py, as: UTF8.self)),
                ]
            case .swift:
                return [
                    (PluginManifest.fileName, manifest(command: #"[".build/release/\#(name)"]"#)),
                    ("Package.swift", filled(PackageResources.Package_swift_txt)),
                    ("Sources/\(name)/\(typeName).swift", filled(PackageResources.Stage_swift_txt)),
                    (".gitignore", ".build/\n"),
                ]
            }
        }

        private func manifest(command: String) -> String {
            """
            {
              "name": "\(name)",
              "version": "0.1.0",
              "description": "Refuses footage that is longer than a limit.",
              "command": \(command),
              "stages": ["\(name)"]
            }

            """
        }

        /// The module name. The suffix avoids keywords and standard modules of the language.
        private var module: String { name.replacing("-", with: "_") + "_stage" }
        private var typeName: String { name.split(separator: "-").map(\.capitalized).joined() + "Stage" }

        private func filled(_ template: [UInt8]) -> String {
            let source = URL(filePath: kit ?? "").standardizedFileURL.path
            return String(decoding: template, as: UTF8.self).replacing("NAME", with: name)
                .replacing("STAGE", with: typeName).replacing("MODULE", with: module)
                .replacing("KIT", with: source)
        }
    }
}
