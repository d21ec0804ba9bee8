import Foundation
import PipelineFile
package import PipelineKit
package import Store

/// Runs the assets of a pipeline concurrently, journals each finished stage, and isolates failures to their asset.
package struct RunEngine: Sendable {
    let request: RunRequest
    let host: RunEnvironment
    let processor: AsyncSemaphore
    let network: AsyncSemaphore
    let light: AsyncSemaphore
    /// The number of concurrent uploads: more would only share the bandwidth.
    static let networkBudget = 4

    package init(request: RunRequest, host: RunEnvironment) {
        self.request = request
        self.host = host
        processor = AsyncSemaphore(permits: host.processorBudget)
        network = AsyncSemaphore(permits: Self.networkBudget)
        light = AsyncSemaphore(permits: max(2, ProcessInfo.processInfo.activeProcessorCount))
    }

    /// Returns the record of an unfinished earlier run of the same command, to resume it, or a new one.
    /// - Throws: `StageError` if the journal can't be read.
    package static func record(for request: RunRequest, host: RunEnvironment) async throws(StageError) -> (
        record: RunRecord, isResumed: Bool
    ) {
        if request.usesCache, let earlier = try await host.journal.unfinishedRun(fingerprint: request.fingerprint) {
            var record = earlier
            record.command = request.command
            // The run started on another machine or with another work root: use a work folder here.
            if !earlier.workDirectory.hasPrefix(request.workRoot.path + "/") {
                record.workDirectory = request.workRoot.appending(path: earlier.id).path
            }
            return (record, true)
        }
        let now = host.clock.now()
        let stamp = now.formatted(
            Date.VerbatimFormatStyle(
                format: """
                    \(year: .padded(4))\(month: .twoDigits)\(day: .twoDigits)-\
                    \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased))\(minute: .twoDigits)\
                    \(second: .twoDigits)
                    """, timeZone: .gmt, calendar: Calendar(identifier: .gregorian)))
        let id = "\(stamp)-\(UUID().uuidString.prefix(4).lowercased())"
        let record = RunRecord(
            id: id, fingerprint: request.fingerprint, pipeline: request.pipeline.name,
            path: URL(filePath: request.pipeline.file).standardizedFileURL.path, command: request.command,
            workDirectory: request.workRoot.appending(path: id).path, startedAt: now)
        return (record, false)
    }

    /// Executes the run and emits its events. The last one is always `run.finished`.
    /// - Parameter prepared: The result of ``record(for:host:)``.
    package func run(_ prepared: (record: RunRecord, isResumed: Bool)) async -> RunSummary {
        let record = prepared.record
        let start = host.clock.now()
        var outcomes: [AssetOutcome] = []
        var posts = 0
        var status: Int
        do throws(StageError) {
            (outcomes, posts, status) = try await host.locks.with(
                "run-\(request.fingerprint)",
                orThrow: StageError(
                    .busy, "this run is already in progress in another process",
                    hint: "wait for it, or see `spreader-pipeline runs list`")
            ) { () async throws(StageError) in try await work(record, isResumed: prepared.isResumed) }
        } catch {
            status = error.outcome.rawValue
            host.emit(
                .diagnostic(
                    Diagnostic(code: error.code.rawValue, error.message, hint: error.hint, subject: .configuration)))
        }
        let summary = RunSummary(
            status: status, assets: outcomes.count, posts: posts,
            seconds: host.clock.now().timeIntervalSince(start))
        host.emit(.runFinished(summary))
        return summary
    }

    private func work(
        _ record: RunRecord, isResumed: Bool
    ) async throws(StageError) -> (outcomes: [AssetOutcome], posts: Int, status: Int) {
        try await host.journal.begin(record)
        host.emit(.runStarted(pipeline: request.pipeline.name, assets: assetCount, resumed: isResumed))
        let refused = refuse()
        let processed = await processAll(record)
        let outcomes = refused + processed.outcomes
        // For the exit status, each part counts as an asset.
        let status = Self.exitStatus(refused + processed.verdicts, isCancelled: Task.isCancelled)
        let finalStatus: RunStatus = status == 0 ? .succeeded : status == 130 ? .interrupted : .failed
        let finish = Task {
            // A new task, because a cancelled run must be recorded as well.
            try? await host.journal.finish(
                record.id, status: finalStatus, exitStatus: status, at: host.clock.now())
        }
        await finish.value
        if status == 0, !keepsResults { try? FileManager.default.removeItem(atPath: record.workDirectory) }
        return (outcomes, processed.posts, status)
    }

    /// The number of assets, including refused ones.
    package var assetCount: Int { request.assets.count + request.refused.count }

    /// Reports the assets that were refused before the run.
    private func refuse() -> [AssetOutcome] {
        let first = request.pipeline.stages.first?.id ?? ""
        return request.refused.map { refusal in
            let stage = refusal.stage ?? first
            host.emit(.assetStarted(asset: refusal.asset, stage: first))
            host.emit(.stageFailed(asset: refusal.asset, stage: stage, refusal.error))
            host.emit(.assetFinished(asset: refusal.asset, stage: stage, .failed(refusal.error)))
            return .failed(refusal.error)
        }
    }

    /// Whether to keep the work folder: its last output is what the user wants, or `--keep` was given.
    var keepsResults: Bool {
        request.keepsWork || request.isPartial || request.pipeline.stages.last?.type.effect == .pure
    }

    /// The exit status of the program: the common one of all failures, or 1 if they differ.
    static func exitStatus(_ outcomes: [AssetOutcome], isCancelled: Bool) -> Int {
        var statuses: Set<Int> = []
        var hasSuccess = false
        for outcome in outcomes {
            if case .failed(let error) = outcome {
                statuses.insert(error.outcome.rawValue)
            } else {
                hasSuccess = true
            }
        }
        if isCancelled, statuses.contains(StageError.Outcome.interrupted.rawValue) {
            return StageError.Outcome.interrupted.rawValue
        }
        guard let status = statuses.first else { return 0 }
        if statuses.count > 1 { return 1 }
        // If other assets succeeded, refused footage is a failure of one asset and not of the command.
        return hasSuccess && status == StageError.Outcome.invalidData.rawValue ? 1 : status
    }

    private func processAll(
        _ record: RunRecord
    ) async -> (outcomes: [AssetOutcome], verdicts: [AssetOutcome], posts: Int) {
        let digestOwners = DigestOwners()
        let width = host.processorBudget + Self.networkBudget
        var outcomes: [AssetOutcome] = []
        var verdicts: [AssetOutcome] = []
        var posts = 0
        var stop: StageError?
        await runTasks(for: request.assets, width: width) { asset in
            let runner = AssetRunner(engine: self, run: record, asset: asset, digestOwners: digestOwners)
            let reason = stop
            return { await runner.run(stoppedBy: reason) }
        } end: { result in
            outcomes.append(result.outcome)
            verdicts += result.parts.isEmpty ? [result.outcome] : result.parts
            posts += result.posts
            if case .failed(let error) = result.outcome, Self.concernsAll(error) { stop = stop ?? error }
        }
        return (outcomes, verdicts, posts)
    }

    /// Whether later assets would fail with the same error, so that they need not start.
    static func concernsAll(_ error: StageError) -> Bool {
        switch error.outcome {
        case .notAuthorised, .configuration, .interrupted: true
        // These two concern only their asset.
        case .tryLater: ![.busy, .scheduled].contains(error.code)
        case .failed, .invalidData, .unavailable: false
        }
    }
}

/// Tracks which asset claimed a digest, so that a run posts identical footage only once.
actor DigestOwners {
    private var owners: [String: String] = [:]

    /// Claims `digest`. Returns the asset that claimed it before; nil if `asset` is the owner.
    func claim(_ digest: String, for asset: String) -> String? {
        if let owner = owners[digest], owner != asset { return owner }
        owners[digest] = asset
        return nil
    }
}
