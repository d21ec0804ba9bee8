import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import SpreaderApp
import StageHosting

struct Schema: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the JSON Schema of pipeline files.",
        discussion: """
            With the schema in the "$schema" key of a pipeline, editors complete and check the file. --output replaces \
            an earlier schema, but no other file.
            """)

    @Flag(help: "Print the schema of test-case files.")
    var tests = false

    @Option(help: ArgumentHelp("Write the schema to this file.", valueName: "file"))
    var output: String?

    func run() async throws {
        let text = try await tests ? CaseSchema.schema.text(pretty: true) : pipelines()
        guard let output else { return Output.result(text) }
        try NamedFile(output).write(text + "\n", mayReplace: Self.isSchema)
    }

    /// Whether a file is a schema, so that it may be replaced. A pipeline has the key `$schema` too, with another value.
    private static func isSchema(_ data: Data) -> Bool {
        let old = try? JSONDecoder().decode(JSONValue.self, from: data)
        return old?["$schema"]?.stringValue?.contains("json-schema.org") ?? false
    }

    private func pipelines() async throws -> String {
        let settings = try await Settings.load()
        return try await StageHost.with(settings, .all) { host in
            for warning in host.warnings { Output.message(warning) }
            return try PipelineSchema.schema(for: host.registry).text(pretty: true)
        }
    }
}
