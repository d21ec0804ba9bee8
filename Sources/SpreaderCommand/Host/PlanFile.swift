import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting

/// A saved plan, and the file it was read from.
struct PlanFile: Sendable {
    let file: String
    let plan: SavedPlan

    /// Reads a saved plan.
    /// - Throws: `StageError` with code `unreadable-plan` if the file can't be read or is not a plan.
    init(_ file: String) throws(StageError) {
        self.file = file
        plan = try SavedPlan.read(file)
    }

    /// The SHA-256 digest of the footage, by asset name.
    var digests: [String: String] {
        Dictionary(plan.assets.map { ($0.name, $0.sha256) }, uniquingKeysWith: { $1 })
    }

    /// The reason why a command can't execute the plan, and the exit status.
    struct Refusal: Error {
        var finding: Diagnostic
        var status: Int
    }

    /// The arguments of the command that made the plan.
    /// - Parameter given: The arguments given together with `--plan`. They may repeat those of the plan, and choose the
    ///   output format.
    /// - Throws: `Refusal` in another folder, or if an argument contradicts the plan.
    func arguments(beside given: PipelineArguments) throws(Refusal) -> PipelineArguments {
        let directory = FileManager.default.currentDirectoryPath
        let command = plan.command
        guard directory == plan.directory else {
            throw Refusal(
                finding: Diagnostic(
                    code: "plan-outdated",
                    "the plan \(file) was made in \(plan.directory), and its paths are relative to it",
                    hint: "run it there, or make a new plan here"), status: 65)
        }
        if let named = given.file, Self.absolute(named) != Self.absolute(command.pipeline) {
            throw Refusal(
                finding: Diagnostic(
                    code: "usage", "the plan \(file) is for \(command.pipeline), not for \(named)",
                    hint: "leave the pipeline out, or make a new plan"), status: 64)
        }
        if given.sandbox, !command.sandbox {
            throw Refusal(
                finding: Diagnostic(
                    code: "usage", "the plan \(file) was made without --sandbox",
                    hint: "leave the flag out, or make a new plan"), status: 64)
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

    /// Prints the plan as of now, and the changes since it was saved.
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
