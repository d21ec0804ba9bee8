import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting
import Store

struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Explain why a run would or would not reuse a stage's cached output.",
        discussion: """
            Computes the digest of the footage, names the part of the cache key that differs, and writes nothing. A \
            resumed run also reuses its own finished stages.
            """)

    @Argument(help: "Stage ID or name.") var stage: String
    @Argument(help: "Pipeline file, JSON or YAML.", completion: .file(extensions: ["json", "yaml", "yml"]))
    var pipeline: String
    @Argument(help: "Footage: files, folders or patterns; replaces the pipeline's inputs.", completion: .file())
    var inputs: [String] = []
    @Option(help: ArgumentHelp("Set a stage option.", valueName: "stage.option=value")) var set: [String] = []
    @Option(help: "Output format.") var format: OutputFormat = .text

    func validate() throws { _ = try PipelineArguments.overrides(set: set, post: []) }

    func run() async throws {
        let settings = try await Command.settings()
        let document = PipelineDocument.read(pipeline)
        try await StageHost.with(settings, .named(document.stageNames)) { host in
            try await explain(document, settings, host: host)
        }
    }

    private func explain(_ document: PipelineDocument, _ settings: Settings, host: StageHost) async throws {
        let existing = await Command.existing(settings)
        let checked = await CheckedRun.load(
            document, inputs: inputs, overrides: try PipelineArguments.overrides(set: set, post: []),
            registry: host.registry, settings: settings, credentials: await Command.credentials(settings, existing))
        let blocking = checked.blocking.filter { $0.subject != .authorisation }
        guard let pipeline = checked.pipeline, blocking.isEmpty else {
            for finding in checked.findings { Output.message(finding.text) }
            throw ExitCode(Int32(checked.refusal))
        }
        guard let stage = pipeline.stages.first(where: { $0.id == stage || $0.type.name.rawValue == stage }) else {
            let names = pipeline.stages.map(\.id)
            let near = NearestName.of(stage, in: names).map { "did you mean \"\($0)\"?" }
            Output.message(
                "error: the pipeline has no stage \"\(stage)\" (\(near ?? "known: \(names.joined(separator: ", "))"))")
            throw ExitCode(64)
        }
        for finding in checked.refusedFootage { Output.message(finding.text) }
        let digests = FileDigests(existing?.store, remembers: false)
        let keepsAny = try await Command.orExit { () async throws(StageError) in try settings.cacheLimit().bytes > 0 }
        let cache =
            keepsAny ? OutputCache(folder: settings.home.appending(path: "cache"), digests: digests) : nil
        let explainer = ReuseExplainer(
            pipeline: pipeline, cache: cache, digests: digests, artifacts: existing?.artifacts)
        let answers = try await Command.orExit { () async throws(StageError) in
            var answers: [ReuseExplainer.Answer] = []
            for asset in checked.assets { answers.append(try await explainer.explain(stage, asset)) }
            return answers
        }
        switch format {
        case .json:
            Output.result(
                try JSONValue.array(
                    answers.map { answer in
                        [
                            "asset": .string(answer.asset), "stage": .string(stage.id),
                            "reused": .bool(answer.isReused), "verdict": .string(answer.verdict),
                            "reasons": .array(answer.reasons.map(JSONValue.string)),
                        ]
                    }
                ).text(pretty: true))
        case .text:
            for answer in answers {
                Output.result(
                    (["\(answer.asset): \(stage.id) \(answer.verdict)"] + answer.reasons.map { "  · \($0)" })
                        .joined(separator: "\n"))
            }
        }
    }
}
