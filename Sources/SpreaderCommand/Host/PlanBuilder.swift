import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting
import Store

/// Makes plans to save, and finds the changes since a plan was saved.
struct PlanBuilder {
    let arguments: PipelineArguments
    let settings: Settings
    /// The database; nil if it does not exist yet.
    let records: HostAssembly?
    let digests: FileDigests

    /// Makes a plan from a checked pipeline and its planned assets.
    /// - Throws: `StageError` if footage can't be read, or if `--set` gives a secret, which a plan must not hold.
    func plan(
        _ pipeline: Pipeline, _ assets: [AssetInput], _ plans: [AssetPlan], _ overrides: [PipelineOverride]
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

    /// The changes since a plan was saved, as findings that stop the run.
    /// - Throws: `StageError` if footage can't be read.
    func changes(
        since saved: PlanFile, _ pipeline: Pipeline, _ assets: [AssetInput], _ plans: [AssetPlan]
    ) async throws(StageError) -> [Diagnostic] {
        let now = try await plan(pipeline, assets, plans, [])
        let isBegun = await isBegun(saved.plan, pipeline.account)
        return PlanChanges(from: saved.plan, to: now, isBegun: isBegun).findings(file: saved.file)
    }

    /// Whether a run with the plan is under way or was interrupted.
    private func isBegun(_ plan: SavedPlan, _ account: String) async -> Bool {
        let fingerprint = arguments.fingerprint(settings.accountID(account).identity)
        let run = try? await records?.journal.unfinishedRun(fingerprint: fingerprint)
        return run.map { $0.startedAt >= plan.savedAt } ?? false
    }

    /// The same as `changes`, but footage that can't be read becomes a finding.
    func refusals(
        since saved: PlanFile, _ pipeline: Pipeline, _ assets: [AssetInput], _ plans: [AssetPlan]
    ) async -> [Diagnostic] {
        do throws(StageError) {
            return try await changes(since: saved, pipeline, assets, plans)
        } catch {
            return [Diagnostic(error)]
        }
    }

    /// The account as recorded in a plan. The sandbox creates its account when it starts, so only the name is known.
    private func account(_ name: String) async -> SavedPlan.Account {
        guard !arguments.sandbox else {
            return SavedPlan.Account(name: name, identity: nil, user: nil, dialect: nil)
        }
        let id = settings.accountID(name)
        let profile = try? await records?.vault.account(id)?.profile
        // Store a hash instead of the open ID: it detects another user without naming one.
        let user = profile.map { String(ContentDigest.sha256("user\n\($0.openID)").prefix(12)) }
        // `v2` is the default, so record it like a missing setting.
        let dialect = settings["TIKTOK_API"].flatMap { $0 == "v2" ? nil : $0 }
        return SavedPlan.Account(name: name, identity: id.identity, user: user, dialect: dialect)
    }
}
