import Foundation
import PipelineKit
import PipelineRunner
import Store

/// Makes plans that can be saved, and tells what changed since one was.
struct PlanDesk {
    let arguments: PipelineArguments
    let settings: Settings
    /// Where digests are remembered and accounts are known; nil when there is nothing yet.
    let records: HostAssembly?

    /// A plan of what was checked.
    /// - Throws: `StageError` when footage can't be read, or `--set` gives a secret that would have to be saved.
    func plan(
        _ pipeline: Pipeline, _ assets: [AssetInput], _ plans: [AssetPlan], _ overrides: [PipelineChecker.Override]
    ) async throws(StageError) -> SavedPlan {
        if let option = SavedPlan.secret(in: overrides, of: pipeline) {
            throw StageError(
                .configuration, "--set gives the secret option \(option), which no plan may hold",
                hint: "write ${NAME} into the pipeline, and give the value by environment")
        }
        let digests = FileDigests(records?.store)
        let planned = Dictionary(plans.map { ($0.asset, $0) }, uniquingKeysWith: { $1 })
        var saved: [SavedPlan.Asset] = []
        for asset in assets {
            saved.append(try await SavedPlan.Asset(asset, planned[asset.name], of: pipeline, digests: digests))
        }
        return SavedPlan(
            savedAt: Date(), program: Version.current, directory: FileManager.default.currentDirectoryPath,
            command: SavedPlan.Command(
                pipeline: arguments.pipeline, inputs: arguments.inputs, set: arguments.set, post: arguments.post,
                until: arguments.until, sandbox: arguments.sandbox),
            account: await account(pipeline.account), pipeline: SavedPlan.Content(pipeline), assets: saved)
    }

    /// What changed since a plan was saved, as findings that stop the run.
    /// - Throws: `StageError` when footage can't be read.
    func changes(
        since saved: PlanFile, _ pipeline: Pipeline, _ assets: [AssetInput], _ plans: [AssetPlan]
    ) async throws(StageError) -> [Diagnostic] {
        PlanChanges(from: saved.plan, to: try await plan(pipeline, assets, plans, [])).findings(file: saved.file)
    }

    /// The same, with footage that can't be read among the findings.
    func refusals(
        since saved: PlanFile, _ pipeline: Pipeline, _ assets: [AssetInput], _ plans: [AssetPlan]
    ) async -> [Diagnostic] {
        do throws(StageError) {
            return try await changes(since: saved, pipeline, assets, plans)
        } catch {
            return [Diagnostic(code: error.code.rawValue, error.message, hint: error.hint)]
        }
    }

    /// The sandbox's own account is made when the sandbox starts: its name is all there is.
    private func account(_ name: String) async -> SavedPlan.Account {
        guard !arguments.sandbox else {
            return SavedPlan.Account(name: name, identity: nil, user: nil, dialect: nil)
        }
        let id = settings.accountID(name)
        let profile = try? await records?.vault.account(id)?.profile
        // Whose account it is is nobody's business: a mark tells another user as well.
        let user = profile.map { String(ContentDigest.sha256("user\n\($0.openID)").prefix(12)) }
        return SavedPlan.Account(name: name, identity: id.identity, user: user, dialect: settings["TIKTOK_API"])
    }
}
