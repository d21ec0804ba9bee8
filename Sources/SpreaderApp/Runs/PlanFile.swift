import Foundation
package import PipelineAdvice
package import PipelineKit

/// A saved plan with the name of its file.
package struct PlanFile: Sendable {
    package let file: String
    package let plan: SavedPlan

    /// Reads a plan.
    /// - Throws: `StageError` with code `unreadable-plan`.
    package init(_ file: String) throws(StageError) {
        self.file = file
        plan = try SavedPlan.read(file)
    }

    /// The SHA-256 digest of the footage, by asset name.
    package var digests: [String: String] {
        Dictionary(plan.assets.map { ($0.name, $0.sha256) }, uniquingKeysWith: { $1 })
    }

    /// The reason why a command can't execute the plan, and the exit status.
    package struct Refusal: Error {
        package var finding: Diagnostic
        package var status: Int
    }

    /// The selection of the command that made the plan.
    /// - Parameters:
    ///   - named: The pipeline that the command names beside `--plan`; nil if it names none.
    ///   - sandbox: Whether the command asks for the sandbox.
    /// - Throws: `Refusal` in another folder, or if an argument contradicts the plan.
    package func selection(named: String?, sandbox: Bool) throws(Refusal) -> PipelineSelection {
        let directory = FileManager.default.currentDirectoryPath
        let command = plan.command
        guard directory == plan.directory else {
            throw Refusal(
                finding: Diagnostic(
                    code: "plan-outdated",
                    "the plan \(file) was made in \(plan.directory), and its paths are relative to it",
                    hint: "run it there, or make a new plan here"), status: 65)
        }
        if let named, Self.absolute(named) != Self.absolute(command.pipeline) {
            throw Refusal(
                finding: Diagnostic(
                    code: "usage", "the plan \(file) is for \(command.pipeline), not for \(named)",
                    hint: "leave the pipeline out, or make a new plan"), status: 64)
        }
        if sandbox, !command.sandbox {
            throw Refusal(
                finding: Diagnostic(
                    code: "usage", "the plan \(file) was made without --sandbox",
                    hint: "leave the flag out, or make a new plan"), status: 64)
        }
        do throws(PipelineSelection.InvalidOverride) {
            var selection = try PipelineSelection(
                file: command.pipeline, inputs: command.inputs, set: command.set, post: command.post)
            selection.until = command.until
            selection.sandbox = command.sandbox
            return selection
        } catch {
            throw Refusal(
                finding: Diagnostic(code: "unreadable-plan", "the plan \(file): \(error.message)"), status: 65)
        }
    }

    private static func absolute(_ path: String) -> String { URL(filePath: path).standardizedFileURL.path }
}
