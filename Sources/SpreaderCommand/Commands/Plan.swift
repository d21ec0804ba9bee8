import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting
import Store

struct Plan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a run would do to each asset, and why (same as run --dry-run).",
        discussion: """
            Probes the footage, but encodes and sends nothing, and writes only the file given with --save. \
            `run --plan FILE` executes a saved plan, and refuses if anything has changed since.

            Examples:
              spreader-pipeline plan pipelines/tiktok.json clip.mp4
              spreader-pipeline plan pipelines/tiktok.json clip.mp4 --save launch.plan.json
            """)

    @OptionGroup var arguments: PipelineArguments

    @Option(help: ArgumentHelp("Save the plan to this file, for `run --plan`.", valueName: "file"), completion: .file())
    var save: String?

    func validate() throws { try arguments.requirePipeline() }

    func run() async throws { try await Self.show(arguments, save: save) }

    /// Prints the plan of a run, and saves it if asked to.
    /// - Parameters:
    ///   - save: The file to save the plan to; nil to save nothing.
    ///   - saved: An earlier plan; differences from it are reported as errors.
    static func show(_ arguments: PipelineArguments, save: String? = nil, saved: PlanFile? = nil) async throws {
        var settings = try await Command.settings()
        if arguments.sandbox { settings = settings.sandboxed() }
        let document = PipelineDocument.read(arguments.pipeline)
        try await StageHost.with(settings, .named(document.stageNames), isolate: arguments.isolate) { host in
            try await show(arguments, save, saved, settings, host, document: document)
        }
    }

    private static func show(
        _ arguments: PipelineArguments, _ save: String?, _ saved: PlanFile?, _ settings: Settings, _ host: StageHost,
        document: PipelineDocument
    ) async throws {
        let records = await Command.existing(settings)
        let overrides = try arguments.overrides()
        var checked = await CheckedRun.load(
            document, inputs: arguments.inputs, overrides: overrides,
            until: arguments.until, registry: host.registry, settings: settings,
            credentials: await Command.credentials(settings, records))
        checked.add(host.findings)
        // A plan sends nothing and needs no token, but the run will need one.
        checked.tolerateAuthorisation(as: arguments.sandbox ? .note : .warning)
        let plans = await checked.planFootage(settings: settings)
        let desk = PlanBuilder(
            arguments: arguments, settings: settings, records: records,
            digests: FileDigests(records?.store, remembers: false))
        if let saved, let pipeline = checked.pipeline, checked.blocking.isEmpty {
            checked.add(
                try await Command.orExit { [checked] () async throws(StageError) in
                    try await desk.changes(since: saved, pipeline, checked.assets, plans)
                })
        }
        let isRefused = checked.blocking.isEmpty && !checked.refusedFootage.isEmpty
        let shown = plans.map(checked.masked)
        switch arguments.format {
        case .json:
            let list = shown.map(json)
            Output.result(
                try JSONValue.object([
                    "pipeline": .string(checked.pipeline?.name ?? arguments.pipeline), "assets": .array(list),
                    "findings": try JSONValue(encoding: checked.findings.filter { $0.severity != .note }),
                ]).text(pretty: true))
        case .text:
            for finding in checked.findings where finding.severity != .note { Output.message(finding.text) }
            for plan in shown { Output.result(text(plan)) }
        }
        if !checked.blocking.isEmpty { throw ExitCode(Int32(checked.refusal)) }
        let isHopeless = isRefused && !plans.contains { $0.failure == nil }
        if let save, let pipeline = checked.pipeline, !isHopeless {
            try await Command.orExit { () async throws(StageError) in
                try await desk.plan(pipeline, checked.assets, plans, overrides).write(to: save)
            }
            Output.message("saved; to execute this plan: spreader-pipeline run --plan \(ShellWord.of(save))")
        }
        // A saved plan already records the refused footage, so it is not an error there.
        if isRefused, saved == nil { throw ExitCode(isHopeless ? 65 : 1) }
    }

    private static func text(_ plan: AssetPlan, indent: String = "") -> String {
        var lines = [indent + plan.asset]
        for (stage, step) in plan.steps {
            lines.append("\(indent)  \(stage): \(step.action)")
            lines += step.reasons.map { "\(indent)      · \($0)" }
        }
        lines += plan.parts.map { text($0, indent: indent + "  ") }
        if let (stage, error) = plan.failure { lines.append("\(indent)  \(stage): refused: \(error.description)") }
        return lines.joined(separator: "\n")
    }

    private static func json(_ plan: AssetPlan) -> JSONValue {
        var fields: [String: JSONValue] = [
            "asset": .string(plan.asset),
            "stages": .array(
                plan.steps.map { stage, step in
                    .object(
                        step.details.merging(
                            [
                                "stage": .string(stage), "action": .string(step.action),
                                "reasons": .array(step.reasons.map(JSONValue.string)),
                            ], uniquingKeysWith: { $1 }))
                }),
        ]
        if !plan.parts.isEmpty { fields["parts"] = .array(plan.parts.map(json)) }
        if let (stage, error) = plan.failure {
            fields["refused"] = [
                "stage": .string(stage), "code": .string(error.code.rawValue), "message": .string(error.description),
            ]
        }
        return .object(fields)
    }
}
