import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting

/// `schema`: the JSON Schema that editors complete pipeline files with.
struct Schema: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the JSON Schema of pipeline files.",
        discussion: """
            Name it in a pipeline's "$schema" key, and an editor completes and checks the file. With --output an \
            earlier schema is replaced, any other file is not.
            """)

    @Flag(help: "That of files of cases, which `test` runs.")
    var tests = false

    @Option(help: ArgumentHelp("Write it to this file instead.", valueName: "file"))
    var output: String?

    func run() async throws {
        let text = try await tests ? CaseSchema.schema.text(pretty: true) : pipelines()
        guard let output else { return Output.result(text) }
        try await Command.orExit { () async throws(StageError) in
            try NamedFile(output).write(text + "\n", mayReplace: Self.isSchema)
        }
    }

    /// Whether a file is one that this command writes: a pipeline names its schema as well.
    private static func isSchema(_ data: Data) -> Bool {
        let old = try? JSONDecoder().decode(JSONValue.self, from: data)
        return old?["$schema"]?.stringValue?.contains("json-schema.org") ?? false
    }

    private func pipelines() async throws -> String {
        let settings = try await Command.settings()
        return try await StageHost.with(settings, .all) { host in
            host.report()
            return try PipelineSchema.schema(for: host.registry).text(pretty: true)
        }
    }
}
