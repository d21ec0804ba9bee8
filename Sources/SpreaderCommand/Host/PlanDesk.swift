import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting
import Store

/// Makes plans that can be saved, and tells what changed since one was.
struct PlanDesk {
    let arguments: PipelineArguments
    let settings: Settings
    /// Where accounts are known; nil when there is nothing yet.
    let records: HostAssembly?
    let digests: FileDigests

    /// A plan of what was checked.
    /// - Throws: `StageError` when footage can't be read, or `--set` gives a secret that would have to be saved.
    func plan(
        _ pipeline: Pipeline, _ assets: [AssetInput], _ plans: [AssetPlan], _ overrides: [PipelineChecker.Override]
    ) async throws(StageError) -> SavedPlan {
        if let option = SavedPlan.secret(in: overrides, of: pipeline) {
            throw SavedPlan.secretRefusal(option, keeper: "plan")
        }
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
        let now = try await plan(pipeline, assets, plans, [])
        let isBegun = await isBegun(saved.plan, pipeline.account)
        return PlanChanges(from: saved.plan, to: now, isBegun: isBegun).findings(file: saved.file)
    }

    /// Whether a run by the plan is under way, or stopped half-way.
    private func isBegun(_ plan: SavedPlan, _ account: String) async -> Bool {
        let fingerprint = arguments.fingerprint(settings.accountID(account).identity)
        let run = try? await records?.journal.unfinishedRun(fingerprint: fingerprint)
        return run.map { $0.startedAt >= plan.savedAt } ?? false
    }

    /// The same, with footage that can't be read among the findings.
    func refusals(
        since saved: PlanFile, _ pipeline: Pipeline, _ assets: [AssetInput], _ plans: [AssetPlan]
    ) async -> [Diagnostic] {
        do throws(StageError) {
            return try await changes(since: saved, pipeline, assets, plans)
        } catch {
            return [Diagnostic(error)]
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
        // The usual one may be named or left out.
        let dialect = settings["TIKTOK_API"].flatMap { $0 == "v2" ? nil : $0 }
        return SavedPlan.Account(name: name, identity: id.identity, user: user, dialect: dialect)
    }
}
