import Foundation
import Logging
import PipelineFile
import PipelineKit
import Posting
import Store

/// Runs the stages of a run for one asset or one part of it.
struct AssetRunner: Sendable {
    let engine: RunEngine
    let run: RunRecord
    var asset: AssetInput
    let digestOwners: DigestOwners
    /// The part of the asset; nil for the whole asset.
    var part: AssetPart?

    struct Result: Sendable {
        var outcome: AssetOutcome
        var posts: Int
        /// The outcomes of its parts; empty if the footage is not split.
        var parts: [AssetOutcome] = []
    }

    /// The progress of an asset.
    struct AssetProgress: Sendable {
        /// The id of the last stage that was reached.
        var reached: String
        var posts = 0
        var parts: [AssetOutcome] = []
    }

    /// The content of the footage when the asset started.
    struct FootageContent: Sendable {
        var sha256: String
        var bytes: Int64
        /// A cheap fingerprint, to detect writes during a stage.
        var mark: FileFingerprint?
    }

    /// The state of an asset between two stages.
    struct AssetState: Sendable {
        var artifact: any Artifact
        /// The trace of everything that determined the artifact; part of the next stage's cache key.
        var before: String
        /// Where files that earlier stages named are on this machine.
        var moved: [String: String] = [:]
    }

    /// How often an asset restarts because its footage changed.
    private static let restartLimit = 5

    var host: RunEnvironment { engine.host }
    /// The stages to run; for a part, those after the stage that split the footage.
    var stages: ArraySlice<PipelineStage> {
        part == nil ? pipeline.stages[...] : pipeline.stages.dropFirst((pipeline.fanOut ?? -1) + 1)
    }
    private var pipeline: Pipeline { engine.request.pipeline }

    /// Runs the asset. Errors become part of the outcome.
    /// - Parameter reason: The error of an earlier asset that also stops this one; nil to run it.
    func run(stoppedBy reason: StageError?) async -> Result {
        var course = AssetProgress(reached: stages.first?.id ?? "")
        if part == nil { host.emit(.assetStarted(asset: asset.name, stage: course.reached)) }
        let outcome: AssetOutcome
        var digest = ""
        do throws(StageError) {
            if let reason {
                throw StageError(
                    reason.code, "not started: \(reason.message)", hint: reason.hint, outcome: reason.outcome)
            }
            var restarts = 0
            var ending: AssetOutcome?
            while ending == nil {
                let content = try await content()
                digest = content.sha256
                if part == nil, let planned = engine.request.plannedDigests[asset.name], planned != digest {
                    throw StageError(
                        "plan-outdated", "\(asset.name) changed since the plan was saved", hint: "make a new plan",
                        outcome: .invalidData)
                }
                do throws(StageError) {
                    ending = try await process(content, &course)
                } catch {
                    guard error.code == .footageChanged, part == nil, restarts < Self.restartLimit else { throw error }
                    restarts += 1
                    host.emit(
                        .stageRetrying(
                            asset: asset.name, stage: course.reached, attempt: restarts + 1, delay: .zero, error: error
                        ))
                }
            }
            outcome = ending ?? .finished
        } catch {
            let policy = pipeline.stages.first { $0.id == course.reached }?.retry
            host.emit(
                .stageFailed(
                    asset: asset.name, stage: course.reached, error, backoff: policy.flatMap { $0.isOwn ? $0 : nil }))
            outcome = .failed(error)
        }
        await journal(outcome, digest)
        host.emit(.assetFinished(asset: asset.name, stage: course.reached, outcome))
        return Result(outcome: outcome, posts: course.posts, parts: course.parts)
    }

    /// The current content of the footage; for parts, the content when the asset started.
    private func content() async throws(StageError) -> FootageContent {
        if let part { return part.content }
        // Take the mark before the digest, so that a write in between is detected later.
        let mark = FileFingerprint(asset.path)
        let bytes = try FileSize.of(asset.path)
        return FootageContent(sha256: try await host.digests.sha256(of: asset.path), bytes: bytes, mark: mark)
    }

    private func process(
        _ content: FootageContent, _ course: inout AssetProgress
    ) async throws(StageError) -> AssetOutcome {
        let digest = content.sha256
        let post = try AssetPost(
            pipeline: pipeline, asset: asset, date: host.clock.now(), part: part.map { ($0.number, $0.count) } ?? (1, 1)
        )
        let key = try await postKey(digest)
        // Parts need no claim: the whole asset has already claimed the content.
        if part == nil, pipeline.isIrreversible, let twin = await digestOwners.claim(digest, for: asset.name) {
            return .skipped(reason: "has the same content as \(twin), which is posted once")
        }
        // Lock the whole series against other processes, because its parts are posted in order.
        guard pipeline.isIrreversible, part == nil else { return try await process(content, post, key, &course) }
        return try await host.locks.with(
            "post-" + ContentDigest.sha256("\(key.account)\n\(key.digest)\n\(key.slot)"),
            orThrow: StageError(
                .busy, "another run is currently posting \(asset.name)", hint: "run the same command again later")
        ) { () async throws(StageError) in try await process(content, post, key, &course) }
    }

    private func process(
        _ content: FootageContent, _ post: AssetPost, _ key: PostKey, _ course: inout AssetProgress
    ) async throws(StageError) -> AssetOutcome {
        let digest = content.sha256
        if pipeline.isIrreversible, let skip = try await earlierPost(key) { return skip }
        if let part { return try await finish(stages, from: part.standing, content, post, key, &course) }
        var standing = AssetState(
            artifact: try asset.sourceFile(digest: (content.sha256, content.bytes)), before: digest)
        guard let fanOut = pipeline.fanOut else {
            try await checkSeries(of: 1, cuts: [], digest)
            return try await finish(stages, from: standing, content, post, key, &course)
        }
        let folder = workFolder(digest)
        try await pass(stages[...fanOut], &standing, content, post, key, folder, &course)
        guard let list = standing.artifact as? any ArtifactList, let first = list.elements.first else {
            throw StageError(.internalFault, "\(pipeline.stages[fanOut].id) returned no list")
        }
        // Each part starts where the previous one ends.
        let cuts = (list as? PartedMedia)?.parts.dropLast().map(\.end) ?? []
        try await checkSeries(of: list.elements.count, cuts: cuts, digest)
        // A single element continues as the asset itself.
        guard list.elements.count > 1 else {
            standing.artifact = first
            return try await finish(stages[(fanOut + 1)...], from: standing, content, post, key, &course)
        }
        let outcome = await series(list.elements, standing, content, folder, &course)
        if case .failed = outcome { return outcome }
        if !engine.keepsResults { try? FileManager.default.removeItem(at: folder) }
        return outcome
    }

    /// Runs the last stages and removes the work folder.
    private func finish(
        _ stages: ArraySlice<PipelineStage>, from start: AssetState, _ content: FootageContent, _ post: AssetPost,
        _ key: PostKey, _ course: inout AssetProgress
    ) async throws(StageError) -> AssetOutcome {
        let folder = workFolder(content.sha256)
        var standing = start
        try await pass(stages, &standing, content, post, key, folder, &course)
        // Without a post in the ledger, only its files show that a part is done: keep them until no part can fail.
        if !engine.keepsResults, part == nil || pipeline.isIrreversible {
            try? FileManager.default.removeItem(at: folder)
        }
        return .finished
    }

    /// Runs stages in order, and reuses outputs of an interrupted run and of the cache.
    private func pass(
        _ stages: ArraySlice<PipelineStage>, _ standing: inout AssetState, _ content: FootageContent, _ post: AssetPost,
        _ key: PostKey, _ folder: URL, _ course: inout AssetProgress
    ) async throws(StageError) {
        let done = Dictionary(
            try await host.journal.stages(run: run.id, asset: asset.name).map { ($0.stage, $0) },
            uniquingKeysWith: { $1 })
        for stage in stages {
            course.reached = stage.id
            let parts = try await ReuseParts(
                stage, standing.artifact, before: standing.before,
                footage: asset.path, digests: host.digests)
            let reuseKey = try parts.key
            if let earlier = done[stage.id], engine.request.usesCache, earlier.reuseKey == reuseKey,
                let output = try await reusable(earlier, stage, content.sha256, folder, &standing.moved),
                try await stillStands(output, key)
            {
                host.emit(
                    .stageReused(
                        asset: asset.name, stage: stage.id,
                        reason: "finished earlier in run \(run.id); input and options are unchanged",
                        artifact: output.summary))
                standing.artifact = output
            } else if let output = try await kept(stage, reuseKey, folder) {
                standing.artifact = output
            } else {
                try await checkLabels(
                    stage, standing.artifact, folder, isDone: done[stage.id]?.reuseKey == reuseKey)
                if stage.type.effect == .irreversible {
                    try await part?.order.turn(of: part?.number ?? 1)
                    try await wait(for: post.settings.schedule)
                }
                standing.artifact = try await execute(stage, standing.artifact, content, post, key, folder, parts)
            }
            standing.before = try trace(stage, reuseKey, standing.artifact, folder)
            if let published = standing.artifact as? PublishedPost {
                course.posts += 1
                host.emit(.postPublished(asset: asset.name, published))
            }
        }
    }

    /// Defers a stage whose labels this worker does not offer to another worker.
    /// - Parameters:
    ///   - input: The input of the stage, which is shared with the other worker.
    ///   - isDone: Whether another worker has finished the stage, but its files are not here.
    private func checkLabels(
        _ stage: PipelineStage, _ input: any Artifact, _ folder: URL, isDone: Bool
    ) async throws(StageError) {
        guard let offered = host.labels, !offered.isSuperset(of: stage.labels) else { return }
        // Deferring it again would loop forever.
        guard !isDone || host.artifacts != nil else {
            throw StageError(
                .configuration, "\(stage.id) ran on another machine, whose files this one can't access",
                hint: "set SPREADER_ARTIFACTS to the same folder or bucket for all workers")
        }
        try await put(input, folder)
        host.emit(.stageDeferred(asset: asset.name, stage: stage.id, labels: stage.labels))
        throw StageError(
            .busy, "\(stage.id) needs a worker with the labels \(stage.labels.joined(separator: ", "))",
            hint: "start one: spreader-pipeline worker --labels \(stage.labels.joined(separator: ","))",
            outcome: .tryLater)
    }

    /// Waits until the scheduled time of a post. All stages before the irreversible one are done by now.
    private func wait(for schedule: PostTime?) async throws(StageError) {
        guard let date = schedule?.date(from: run.startedAt) else { return }
        var left = date.timeIntervalSince(host.clock.now())
        guard left > 0 else { return }
        let moment = date.formatted(.iso8601)
        guard engine.request.waitsForLimits else {
            throw StageError(
                .scheduled, "the post is scheduled for \(moment)", hint: "run the same command again then",
                outcome: .tryLater)
        }
        host.emit(
            .diagnostic(
                Diagnostic(
                    .note, code: "scheduled", "\(asset.name) is ready and waits until \(moment)",
                    subject: .footage, asset: asset.name)))
        while left > 0 {
            // Sleep in short pieces, so that time in system sleep counts.
            do {
                try await host.clock.sleep(.seconds(min(left, 30)))
            } catch {
                throw .cancelled
            }
            left = date.timeIntervalSince(host.clock.now())
        }
    }

    /// The ledger key of the post. A repost gets a key with the run id, so that resuming the run does not repost again.
    private func postKey(_ digest: String) async throws(StageError) -> PostKey {
        var slot = part?.slot(in: pipeline.name) ?? PostSlot(pipeline: pipeline.name)
        let usual = PostKey(account: engine.request.accountIdentity, digest: digest, slot: slot)
        // A first post by this run is not a repost when the run resumes.
        guard engine.request.reposts, let record = try await host.ledger.find(usual), record.state == .published,
            record.runID != run.id
        else { return usual }
        slot.repost = run.id
        return PostKey(account: usual.account, digest: digest, slot: slot)
    }

    /// Checks the ledger before any work. Returns an outcome if the post is already done; nil to continue.
    private func earlierPost(_ key: PostKey) async throws(StageError) -> AssetOutcome? {
        guard let record = try await host.ledger.find(key) else { return nil }
        switch record.state {
        case .published:
            let place = record.url.map { ": \($0)" } ?? ""
            return .skipped(reason: "already posted as \(record.publishID ?? record.id)\(place); nothing was sent")
        case .unconfirmed where record.publishID == nil:
            throw .unconfirmed(record)
        // With a publish id, the stage queries the service for the status and sends nothing.
        case .reserved, .sending, .accepted, .uploaded, .failed, .unconfirmed: return nil
        }
    }

    /// The trace of a finished stage for the cache keys of later stages. For a pure stage, this is its own key. Other
    /// stages may return a different output each time, such as the path of an export, so it includes the output.
    private func trace(
        _ stage: PipelineStage, _ key: String, _ output: any Artifact, _ folder: URL
    ) throws(StageError) -> String {
        guard stage.type.effect != .pure else { return key }
        // Paths of footage and work files differ between runs: replace them.
        var names = [asset.path: "footage"]
        for file in output.files where file.path.hasPrefix(folder.path + "/") {
            names[file.path] = file.sha256 ?? URL(filePath: file.path).lastPathComponent
        }
        do {
            return ContentDigest.sha256("\(key)\n\(try JSONValue(encoding: output).replacing(names).text())")
        } catch {
            throw StageError(.internalFault, "the output of \(stage.id) has no JSON form: \(error)")
        }
    }

    /// Fails if the footage was modified during a stage, whose output would then match neither content. Irreversible
    /// stages are exempt: they read prepared files and must not run again.
    private func checkFootage(_ content: FootageContent, _ stage: PipelineStage) throws(StageError) {
        guard stage.type.effect != .irreversible, let before = content.mark else { return }
        guard let now = FileFingerprint(asset.path), now.bytes == before.bytes, now.inode == before.inode,
            now.modified == before.modified
        else {
            throw StageError(
                .footageChanged, "\(asset.name) changed while \(stage.id) was running",
                hint: "run the same command again once the file no longer changes")
        }
    }

    private func execute(
        _ stage: PipelineStage, _ input: any Artifact, _ content: FootageContent, _ post: AssetPost, _ key: PostKey,
        _ folder: URL, _ parts: ReuseParts
    ) async throws(StageError) -> any Artifact {
        let reuseKey = try parts.key
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw StageError(
                .configuration, "can't create the work folder \(folder.path): \(error.localizedDescription)",
                hint: "check its permissions and free space, or name another with --work-dir")
        }
        try await makeRoom(for: stage, in: folder)
        var attempt = 1
        var limitWaits = 0
        while true {
            do throws(StageError) {
                let context = context(stage, attempt, post, key, folder)
                let (output, seconds) = try await guarded(stage, input, context)
                try checkFootage(content, stage)
                let json: JSONValue
                do {
                    json = try JSONValue(encoding: output)
                } catch {
                    throw StageError(.internalFault, "the output of \(stage.id) has no JSON form: \(error)")
                }
                let done = StageRecord(
                    asset: asset.name, stage: stage.id, reuseKey: reuseKey, artifact: json, seconds: seconds)
                try await withCancellationShield { () throws(StageError) in
                    try await host.journal.record(done, run: run.id)
                }
                await share(output, folder)
                await keep(done, parts, stage, output, folder)
                host.emit(
                    .stageFinished(asset: asset.name, stage: stage.id, seconds: seconds, artifact: output.summary))
                return output
            } catch {
                if Task.isCancelled { throw .cancelled }
                guard let delay = delay(after: error, stage, attempt, limitWaits) else { throw error }
                if case .limited = error.recovery { limitWaits += 1 } else { attempt += 1 }
                host.emit(
                    .stageRetrying(asset: asset.name, stage: stage.id, attempt: attempt, delay: delay, error: error))
                do {
                    try await host.clock.sleep(delay)
                } catch {
                    throw .cancelled
                }
            }
        }
    }

    /// The delay before the next attempt; nil if there is none.
    private func delay(
        after error: StageError, _ stage: PipelineStage, _ attempt: Int, _ limitWaits: Int
    ) -> Duration? {
        switch error.recovery {
        case .permanent, .ambiguous: return nil
        case .limited(let after):
            // Waiting for a rate limit does not use up an attempt, but is bounded.
            let seconds = after ?? 60
            guard engine.request.waitsForLimits, limitWaits < 10, seconds <= 3600 else { return nil }
            return .seconds(seconds)
        case .transient(let after):
            guard attempt < stage.retry.attempts else { return nil }
            return after.map { .seconds($0) } ?? stage.retry.backoff(before: attempt + 1, random: host.random())
        }
    }

    /// Runs one attempt within the resource's budget and the stage's timeout.
    private func guarded(
        _ stage: PipelineStage, _ input: any Artifact, _ context: StageContext
    ) async throws(StageError) -> (output: any Artifact, seconds: Double) {
        let semaphore =
            switch stage.type.resource {
            case .cpu: engine.processor
            case .network: engine.network
            case .light: engine.light
            }
        do {
            return try await semaphore.withPermit {
                // Start the clock here: waiting for a permit does not count as time of the stage.
                host.emit(.stageStarted(asset: asset.name, stage: stage.id))
                let start = host.clock.now()
                let output = try await timed(stage, input, context)
                return (output, host.clock.now().timeIntervalSince(start))
            }
        } catch let error as StageError {
            throw error
        } catch is CancellationError {
            throw .cancelled
        } catch {
            throw StageError(.internalFault, "\(stage.id) failed: \(error)")
        }
    }

    /// Runs one attempt within the stage's timeout.
    private func timed(
        _ stage: PipelineStage, _ input: any Artifact, _ context: StageContext
    ) async throws -> any Artifact {
        guard let timeout = stage.timeout else { return try await stage.stage.run(input, context) }
        return try await withThrowingTaskGroup(of: (any Artifact)?.self) { group in
            group.addTask { try await stage.stage.run(input, context) }
            group.addTask {
                try await host.clock.sleep(timeout)
                return nil
            }
            defer { group.cancelAll() }
            guard let output = try await group.next() ?? nil else {
                throw StageError(
                    .timeout, "\(stage.id) took longer than its timeout of \(timeout.spoken)",
                    hint: "raise \"timeout\" of the stage")
            }
            return output
        }
    }

    /// Whether an earlier output is still valid. For a post the ledger decides: the service may have rejected it later.
    private func stillStands(_ output: any Artifact, _ key: PostKey) async throws(StageError) -> Bool {
        guard output is UploadedVideo || output is PublishedPost else { return true }
        switch try await host.ledger.find(key)?.state {
        case .accepted, .uploaded, .published, .unconfirmed, nil: return true
        case .reserved, .sending, .failed: return false
        }
    }

    /// Uploads a stage's files to the shared store. Best effort: other machines can recreate them.
    private func share(_ output: any Artifact, _ folder: URL) async {
        do throws(StageError) {
            try await put(output, folder)
        } catch {
            guard error.code != .cancelled else { return }
            host.logger.warning(
                "a file can't be shared",
                metadata: ["store": "\(host.artifacts?.name ?? "")", "error": "\(error.description)"])
        }
    }

    private func put(_ output: any Artifact, _ folder: URL) async throws(StageError) {
        guard let artifacts = host.artifacts else { return }
        for file in output.files where file.path.hasPrefix(folder.path + "/") {
            let digest: String
            if let known = file.sha256 { digest = known } else { digest = try await host.digests.sha256(of: file.path) }
            try await artifacts.put(file, digest: digest)
        }
    }

    /// The earlier output of a stage; nil unless all its files are unchanged, or available from the shared store.
    /// - Parameters:
    ///   - digest: The digest of the footage.
    ///   - moved: Collects new paths of files that earlier stages named.
    private func reusable(
        _ record: StageRecord, _ stage: PipelineStage, _ digest: String, _ folder: URL, _ moved: inout [String: String]
    ) async throws(StageError) -> (any Artifact)? {
        guard let output = try? stage.type.decodeOutput(record.artifact) else { return nil }
        for file in output.files {
            guard let path = try await place(of: file, digest, folder) else { return nil }
            if path != file.path { moved[file.path] = path }
        }
        return moved.isEmpty ? output : try? stage.type.decodeOutput(record.artifact.replacing(moved))
    }

    /// The path of an earlier output's file on this machine, fetching it if necessary; nil if it is not available.
    private func place(of file: FileReference, _ digest: String, _ folder: URL) async throws(StageError) -> String? {
        if let size = try? FileSize.of(file.path), size == file.bytes {
            guard let expected = file.sha256 else { return file.path }
            if try await host.digests.sha256(of: file.path) == expected { return file.path }
        }
        guard let expected = file.sha256 else { return nil }
        if expected == digest { return asset.path }
        guard let artifacts = host.artifacts else { return nil }
        let name = "\(expected.prefix(12))-\(URL(filePath: file.path).lastPathComponent)"
        let path = folder.appending(path: name).path
        if (try? FileSize.of(path)) == file.bytes, try await host.digests.sha256(of: path) == expected {
            return path
        }
        return try await artifacts.fetch(expected, to: path) ? path : nil
    }

    private func context(
        _ stage: PipelineStage, _ attempt: Int, _ post: AssetPost, _ key: PostKey, _ folder: URL
    ) -> StageContext {
        var logger = host.logger
        logger[metadataKey: "run"] = "\(run.id)"
        logger[metadataKey: "asset"] = "\(asset.name)"
        logger[metadataKey: "stage"] = "\(stage.id)"
        let throttle = ProgressThrottle(clock: host.clock)
        let emit = host.emit
        let name = asset.name
        var context = StageContext(
            runID: run.id, stageID: stage.id, asset: asset.name, workDirectory: folder, logger: logger,
            checkpoints: host.journal.checkpoints(run: run.id, asset: asset.name, stage: stage.id),
            permits: host.permits)
        context.post = post.settings
        context.account = pipeline.account
        context.progress = { progress in
            guard throttle.admits(progress) else { return }
            emit(.stageProgress(asset: name, stage: stage.id, progress))
        }
        context.attempt = attempt
        context.runDirectory = URL(filePath: run.workDirectory)
        context.settings = engine.request.settings
        context.secrets = host.secrets
        context.services.posting = PostingServices(key: key, ledger: host.ledger, credentials: host.credentials)
        context.clock = host.clock
        context.planned = planned(stage)
        return context
    }

    /// The output that the plan gave for a stage, if the footage is still what was planned.
    private func planned(_ stage: PipelineStage) -> (any Artifact)? {
        guard part == nil, let plan = engine.request.plans.first(where: { $0.asset == asset.name }),
            let fingerprint = plan.fingerprint, FileFingerprint(asset.path) == fingerprint
        else { return nil }
        return plan.steps.first { $0.stage == stage.id }?.plan.output
    }

    private func journal(_ outcome: AssetOutcome, _ digest: String) async {
        let status: AssetRecord.Status
        var message: String?
        switch outcome {
        case .finished: status = .finished
        case .skipped(let reason): (status, message) = (.alreadyPosted, reason)
        case .failed(let error):
            status = error.code == .cancelled ? .running : .failed
            message = error.description
        }
        let record = AssetRecord(asset: asset.name, digest: digest, status: status, message: message)
        do throws(StageError) {
            try await withCancellationShield { () throws(StageError) in
                try await host.journal.record(record, run: run.id)
            }
        } catch {
            host.logger.error("the asset's outcome can't be recorded", metadata: ["error": "\(error.message)"])
        }
    }

    /// The work folder of the asset; that of a part is inside the asset's.
    private func workFolder(_ digest: String) -> URL {
        part.map { $0.folder.appending(path: "part-\($0.label)") }
            ?? URL(filePath: run.workDirectory).appending(path: folderName(digest))
    }

    /// A folder name that is readable and stable, so that a resumed run finds it.
    private func folderName(_ digest: String) -> String {
        let stem = URL(filePath: asset.path).deletingPathExtension().lastPathComponent
        let safe = stem.map { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) ? $0 : "_" }
        return "\(String(safe).prefix(40))-\(digest.prefix(8))-\(ContentDigest.sha256(asset.path).prefix(4))"
    }
}
