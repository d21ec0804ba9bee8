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

    func run() async throws { try await Self.show(try arguments.selection(), format: arguments.format, save: save) }

    /// Prints the plan.
    /// - Parameters:
    ///   - save: The file to save it to; nil to only print it.
    ///   - saved: An earlier plan that must still hold.
    static func show(
        _ selection: PipelineSelection, format: OutputFormat, save: String? = nil, saved: PlanFile? = nil
    ) async throws {
        var settings = try await Settings.load()
        if selection.sandbox { settings = settings.sandboxed() }
        try await Workspace.with(settings, for: selection) { workspace in
            let authorisation = PreparedRun.AuthorisationCheck.reported(selection.sandbox ? .note : .warning)
            var prepared = await PreparedRun.load(selection, in: workspace, authorisation: authorisation)
            await prepared.planFootage()
            let digests = FileDigests(workspace.records?.store, remembers: false)
            if let saved, prepared.blocking.isEmpty {
                prepared.add(try await prepared.changes(since: saved, digests: digests))
            }
            try print(prepared, format)
            if !prepared.blocking.isEmpty { throw ExitCode(Int32(prepared.refusal)) }
            let isRefused = !prepared.refusedFootage.isEmpty
            let isHopeless = isRefused && !prepared.plans.contains { $0.failure == nil }
            if let save, !isHopeless, let plan = try await prepared.savedPlan(digests: digests) {
                try plan.write(to: save)
                Output.message("saved; to execute it: spreader-pipeline run --plan \(ShellWord.of(save))")
            }
            // A saved plan includes refused footage.
            if isRefused, saved == nil { throw ExitCode(isHopeless ? 65 : 1) }
        }
    }

    private static func print(_ prepared: PreparedRun, _ format: OutputFormat) throws {
        let findings = prepared.findings.filter { $0.severity != .note }
        switch format {
        case .json:
            Output.result(
                try JSONValue.object([
                    "pipeline": .string(prepared.pipeline?.name ?? prepared.selection.file),
                    "assets": .array(prepared.shownPlans.map(json)), "findings": try JSONValue(encoding: findings),
                ]).text(pretty: true))
        case .text:
            for finding in findings { Output.message(finding.text) }
            for plan in prepared.shownPlans { Output.result(text(plan)) }
        }
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
