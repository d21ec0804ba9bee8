import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting

/// A saved plan with the name of its file.
struct PlanFile: Sendable {
    let file: String
    let plan: SavedPlan

    /// Reads a plan.
    /// - Throws: `StageError` with code `unreadable-plan`.
    init(_ file: String) throws(StageError) {
        self.file = file
        plan = try SavedPlan.read(file)
    }

    /// What its footage holds, by asset.
    var digests: [String: String] {
        Dictionary(plan.assets.map { ($0.name, $0.sha256) }, uniquingKeysWith: { $1 })
    }

    /// Why a command can't go by the plan, and the exit status.
    struct Refusal: Error {
        var finding: Diagnostic
        var status: Int
    }

    /// The arguments of the command that the plan was made by.
    /// - Parameter given: Those beside `--plan`, which may say the same once more, and how to report.
    /// - Throws: `Refusal` in another folder, or for arguments that say otherwise.
    func arguments(beside given: PipelineArguments) throws(Refusal) -> PipelineArguments {
        let directory = FileManager.default.currentDirectoryPath
        let command = plan.command
        guard directory == plan.directory else {
            throw Refusal(
                finding: Diagnostic(
                    code: "plan-outdated", "the plan \(file) was made in \(plan.directory), where its paths lead",
                    hint: "run it there, or make a new plan here"), status: 65)
        }
        if let named = given.file, Self.absolute(named) != Self.absolute(command.pipeline) {
            throw Refusal(
                finding: Diagnostic(
                    code: "usage", "the plan \(file) is one of \(command.pipeline), not of \(named)",
                    hint: "leave the pipeline out, or make a new plan"), status: 64)
        }
        if given.sandbox, !command.sandbox {
            throw Refusal(
                finding: Diagnostic(
                    code: "usage", "the plan \(file) was made without --sandbox",
                    hint: "leave it out, or make a new plan"), status: 64)
        }
        var arguments = given
        arguments.file = command.pipeline
        arguments.inputs = command.inputs
        arguments.set = command.set
        arguments.post = command.post
        arguments.until = command.until
        arguments.sandbox = command.sandbox
        return arguments
    }

    /// Shows the plan as it would be now, and what changed.
    func show(beside given: PipelineArguments) async throws {
        let arguments: PipelineArguments
        do throws(Refusal) {
            arguments = try self.arguments(beside: given)
        } catch {
            Output.message(error.finding.text)
            throw ExitCode(Int32(error.status))
        }
        try await Plan.show(arguments, saved: self)
    }

    private static func absolute(_ path: String) -> String { URL(filePath: path).standardizedFileURL.path }
}
