import Foundation
package import PipelineAdvice
import PipelineEngine
import PipelineFile
package import PipelineKit
package import Store

/// Plans that are saved, and the changes since one was saved.
extension PreparedRun {
    /// The plan to save; nil if the pipeline has errors.
    /// - Throws: `StageError` if footage can't be read, or if `--set` gives a secret, which a plan must not hold.
    package func savedPlan(digests: FileDigests) async throws(StageError) -> SavedPlan? {
        if let refusal = secretRefusal(keeper: "plan") { throw refusal }
        return try await currentPlan(digests: digests)
    }

    /// The changes since a plan was saved, as findings that stop the run.
    /// - Throws: `StageError` if footage can't be read.
    package func changes(since saved: PlanFile, digests: FileDigests) async throws(StageError) -> [Diagnostic] {
        guard let now = try await currentPlan(digests: digests) else { return [] }
        let isBegun = await isBegun(saved.plan)
        return PlanChanges(from: saved.plan, to: now, isBegun: isBegun).findings(file: saved.file)
    }

    private func currentPlan(digests: FileDigests) async throws(StageError) -> SavedPlan? {
        guard let pipeline else { return nil }
        let planned = Dictionary(plans.map { ($0.asset, $0) }, uniquingKeysWith: { $1 })
        var saved: [SavedPlan.Asset] = []
        for asset in assets {
            saved.append(try await SavedPlan.Asset(asset, planned[asset.name], of: pipeline, digests: digests))
        }
        return SavedPlan(
            savedAt: Date(), program: Version.current, directory: FileManager.default.currentDirectoryPath,
            command: SavedPlan.Command(
                pipeline: selection.file, inputs: selection.inputs, set: selection.set, post: selection.post,
                until: selection.until, sandbox: selection.sandbox),
            account: await account(pipeline.account), pipeline: SavedPlan.Content(pipeline), assets: saved)
    }

    /// Whether a run with the plan is under way or was interrupted.
    private func isBegun(_ plan: SavedPlan) async -> Bool {
        guard let pipeline else { return false }
        let fingerprint = selection.fingerprint(workspace.settings.accountID(pipeline.account).identity)
        let run = try? await workspace.records?.journal.unfinishedRun(fingerprint: fingerprint)
        return run.map { $0.startedAt >= plan.savedAt } ?? false
    }

    /// The account as recorded in a plan. The sandbox creates its account when it starts, so only the name is known.
    private func account(_ name: String) async -> SavedPlan.Account {
        guard !selection.sandbox else {
            return SavedPlan.Account(name: name, identity: nil, user: nil, dialect: nil)
        }
        let id = workspace.settings.accountID(name)
        let profile = try? await workspace.records?.vault.account(id)?.profile
        // Store a hash instead of the open ID: it detects another user without naming one.
        let user = profile.map { String(ContentDigest.sha256("user\n\($0.openID)").prefix(12)) }
        // `v2` is the default, so record it like a missing setting.
        let dialect = workspace.settings["TIKTOK_API"].flatMap { $0 == "v2" ? nil : $0 }
        return SavedPlan.Account(name: name, identity: id.identity, user: user, dialect: dialect)
    }
}
