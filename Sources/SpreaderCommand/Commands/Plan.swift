import ArgumentParser
import Foundation
import PipelineKit
import PipelineRunner

/// `plan`: what each stage would do for each asset, and why.
struct Plan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a run would do for each asset, and why (the same as run --dry-run).",
        discussion: "Footage is looked into; nothing is written, encoded or sent.")

    @OptionGroup var arguments: PipelineArguments

    func run() async throws { try await Self.show(arguments) }

    static func show(_ arguments: PipelineArguments) async throws {
        let settings = try await Command.settings()
        try await StageHost.with(settings, .pipeline(arguments.pipeline), isolate: arguments.isolate) { host in
            try await show(arguments, settings, host)
        }
    }

    private static func show(
        _ arguments: PipelineArguments, _ settings: Settings, _ host: StageHost
    ) async throws {
        var checked = await CheckedRun.load(
            file: arguments.pipeline, inputs: arguments.inputs, overrides: try arguments.overrides(),
            until: arguments.until, registry: host.registry, settings: settings,
            credentials: await Command.credentials(settings, await Command.existing(settings)))
        checked.findings += host.findings
        // A plan sends nothing, so it needs no token; the run will.
        checked.findings = checked.findings.map { finding in
            var finding = finding
            if finding.subject == .authorisation { finding.severity = arguments.sandbox ? .note : .warning }
            return finding
        }
        let plans = await checked.planFootage(settings: settings)
        let isRefused = checked.blocking.isEmpty && !checked.refusedFootage.isEmpty
        switch arguments.format {
        case .json:
            let list = plans.map(json)
            Output.result(
                try JSONValue.object([
                    "pipeline": .string(checked.pipeline?.name ?? arguments.pipeline), "assets": .array(list),
                    "findings": try JSONValue(encoding: checked.findings.filter { $0.severity != .note }),
                ]).text(pretty: true))
        case .text:
            for finding in checked.findings where finding.severity != .note { Output.message(finding.text) }
            for plan in plans { Output.result(text(plan)) }
        }
        if !checked.blocking.isEmpty { throw ExitCode(Int32(checked.refusal)) }
        if isRefused { throw ExitCode(plans.contains { $0.failure == nil } ? 1 : 65) }
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
