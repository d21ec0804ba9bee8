package import Foundation
import Jobs
package import PipelineEngine
import PipelineFile
package import PipelineKit
package import Store

/// How a run treats earlier work, limits and its own work files.
package struct RunOptions: Sendable {
    /// Whether to rerun every stage and start a new run.
    package var ignoresCache = false
    /// Whether to keep the work files after success.
    package var keepsWork = false
    /// Whether to wait for rate limits and schedules, rather than to end with status 75.
    package var waitsForLimits = true
    /// Whether to post footage again that is already posted.
    package var reposts = false
    /// The parent of the work folders; nil for the one in the data folder.
    package var workRoot: URL?
    /// The value of `--db`.
    package var database: String?
    /// The words after the program's name that resume the run.
    package var command: [String] = []

    package init() {}
}

/// A run with its record, new or resumed, ready to execute.
package struct ReadyRun: Sendable {
    package let record: RunRecord
    package let isResumed: Bool
    let request: RunRequest
    let environment: RunEnvironment
    let assembly: HostAssembly
    let retention: Duration?

    /// The number of assets, including refused ones.
    package var assetCount: Int { request.assets.count + request.refused.count }

    /// Runs to the end. Call ``cleanUp()`` afterwards.
    /// - Parameter emit: Receives the events. Tasks call it concurrently.
    package func execute(_ emit: @escaping @Sendable (RunEvent) -> Void) async -> RunSummary {
        var environment = environment
        environment.emit = emit
        return await RunEngine(request: request, host: environment).run((record, isResumed))
    }

    /// Deletes cached outputs and runs that are too old. Failures are ignored: the next run tries again.
    package func cleanUp() async {
        if let limit = try? assembly.settings.cacheLimit(), limit.bytes > 0 {
            _ = await assembly.cache.prune(unusedSince: Date().addingTimeInterval(-90 * 86400), limit: limit)
        }
        if let retention { _ = try? await Retention(assembly: assembly).prune(olderThan: retention) }
    }
}

extension PreparedRun {
    /// Opens the records and finds the unfinished run of the same command, or makes a new one.
    /// - Parameter saved: The saved plan that the run follows.
    /// - Throws: `StageError` if the records can't be opened or the settings are invalid.
    package func begin(
        _ options: RunOptions, saved: PlanFile? = nil, digestAhead: DigestAhead? = nil
    ) async throws(StageError) -> ReadyRun {
        guard let pipeline else { throw StageError(.internalFault, "the pipeline has errors and can't run") }
        let assembly: HostAssembly
        if let records = workspace.records {
            assembly = records
        } else {
            assembly = try await HostAssembly.open(workspace.settings, database: options.database)
        }
        var request = request(pipeline, options)
        request.plannedDigests = saved?.digests ?? [:]
        var environment = try await assembly.runEnvironment(
            logger: Log.make("run", settings: workspace.settings), waitsForLimits: options.waitsForLimits)
        environment.digests.ahead = digestAhead
        let (record, isResumed) = try await RunEngine.record(for: request, host: environment)
        return ReadyRun(
            record: record, isResumed: isResumed, request: request, environment: environment, assembly: assembly,
            retention: try Retention.setting(workspace.settings))
    }

    /// Keeps the name of a job's asset on a machine that had to fetch it to another path.
    package mutating func nameAssetOfJob() {
        if let name = workspace.settings[JobProcess.assetSetting], assets.count == 1 { assets[0].name = name }
    }

    /// Adds the changes since a plan was saved as findings; footage that can't be read is one of them.
    package mutating func refuseChanges(since saved: PlanFile) async {
        do throws(StageError) {
            add(try await changes(since: saved, digests: FileDigests(workspace.records?.store)))
        } catch {
            add([Diagnostic(error)])
        }
    }

    private func request(_ pipeline: Pipeline, _ options: RunOptions) -> RunRequest {
        let settings = workspace.settings
        let identity = settings.accountID(pipeline.account).identity
        let failures = Dictionary(
            shownPlans.compactMap { plan in plan.failure.map { (plan.asset, $0) } }, uniquingKeysWith: { $1 })
        // A job resumes its own run, on whichever machine.
        let job = settings[JobProcess.leaseSetting].flatMap { JobFence($0) }.map { "job:\($0.job)" }
        var request = RunRequest(
            pipeline: pipeline, assets: assets.filter { failures[$0.name] == nil }, accountIdentity: identity,
            settings: settings.plain,
            fingerprint: job.map(ContentDigest.sha256) ?? selection.fingerprint(identity, reposts: options.reposts),
            command: [FileManager.default.currentDirectoryPath] + Self.remembered(options.command),
            workRoot: options.workRoot ?? settings.home.appending(path: "runs"))
        request.usesCache = !options.ignoresCache
        request.keepsWork = options.keepsWork
        request.waitsForLimits = options.waitsForLimits
        request.isPartial = selection.until != nil
        request.reposts = options.reposts
        request.refused = refused(failures)
        request.plans = plans
        return request
    }

    /// Refused footage, one entry for each asset however many findings it has.
    private func refused(_ failures: [String: (stage: String, error: StageError)]) -> [RefusedAsset] {
        var refused: [RefusedAsset] = []
        for finding in refusedFootage {
            let asset = finding.asset ?? finding.message
            if let index = refused.firstIndex(where: { $0.asset == asset }) {
                // The stage's own error is already there.
                guard failures[asset] == nil else { continue }
                refused[index].error.message += "; \(finding.message)"
                if refused[index].error.hint != finding.hint { refused[index].error.hint = nil }
            } else {
                let error = StageError(.unusableFootage, finding.message, hint: finding.hint, outcome: .invalidData)
                refused.append(
                    RefusedAsset(asset: asset, error: failures[asset]?.error ?? error, stage: failures[asset]?.stage))
            }
        }
        return refused
    }

    /// The words of a command without the address of a server, which may hold a password.
    static func remembered(_ words: [String]) -> [String] {
        var kept: [String] = []
        for word in words {
            if kept.last == "--db", word.hasPrefix("postgres") {
                kept.removeLast()
            } else if !word.hasPrefix("--db=postgres") {
                kept.append(word)
            }
        }
        return kept
    }
}
