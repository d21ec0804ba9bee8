import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import SpreaderApp
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
    @OptionGroup var target: PipelineFileArguments
    @Option(help: ArgumentHelp("Set a stage option.", valueName: "stage.option=value")) var set: [String] = []
    @OptionGroup var output: FormatOption

    func validate() throws { _ = try selection() }

    private func selection() throws -> PipelineSelection {
        try PipelineSelection.checked(file: target.pipeline, inputs: target.inputs, set: set)
    }

    func run() async throws {
        let selection = try selection()
        try await Workspace.with(try await Settings.load(), for: selection) { workspace in
            try await explain(await PreparedRun.load(selection, in: workspace), in: workspace)
        }
    }

    private func explain(_ prepared: PreparedRun, in workspace: Workspace) async throws {
        let blocking = prepared.blocking.filter { $0.subject != .authorisation }
        guard let pipeline = prepared.pipeline, blocking.isEmpty else {
            for finding in prepared.findings { Output.message(finding.text) }
            throw ExitCode(Int32(prepared.refusal))
        }
        guard let stage = pipeline.stages.first(where: { $0.id == stage || $0.type.name.rawValue == stage }) else {
            let names = pipeline.stages.map(\.id)
            let near = NearestName.of(stage, in: names).map { "did you mean \"\($0)\"?" }
            Output.message(
                "error: the pipeline has no stage \"\(stage)\" (\(near ?? "known: \(names.joined(separator: ", "))"))")
            throw ExitCode(64)
        }
        for finding in prepared.refusedFootage { Output.message(finding.text) }
        let digests = FileDigests(workspace.records?.store, remembers: false)
        let settings = workspace.settings
        let cache =
            try settings.cacheLimit().bytes > 0
            ? OutputCache(folder: settings.home.appending(path: "cache"), digests: digests) : nil
        let explainer = ReuseExplainer(
            pipeline: pipeline, cache: cache, digests: digests, artifacts: workspace.records?.artifacts)
        var answers: [ReuseExplainer.Answer] = []
        for asset in prepared.assets { answers.append(try await explainer.explain(stage, asset)) }
        switch output.format {
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
