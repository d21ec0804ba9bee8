import Foundation
import PipelineKit

/// Carries out decisions about one delivery: measures what would be copied, writes the file, and verifies it.
struct DeliveryWriter: Sendable {
    let media: ProbedMedia
    /// Where the finished file appears.
    let path: String
    let progress: @Sendable (StageProgress) -> Void
    private let log = MediaLog()

    /// Attempts to stay within a size ceiling before the delivery fails.
    private static let maximumAttempts = 4

    init(media: ProbedMedia, path: String, progress: @escaping @Sendable (StageProgress) -> Void) {
        self.media = media
        self.path = path
        self.progress = progress
    }

    /// The file while it is written and verified.
    private var part: String { path + ".part" }

    // MARK: Measuring copies

    /// Adjusts a decision to copy by what decoding shows: the loudness of the audio, and the damage in the video.
    /// - Throws: `StageError` if the video is more damaged than allowed.
    func settled(_ decision: DeliveryDecision, options: DeliveryOptions) async throws(StageError) -> DeliveryDecision {
        try await onThread("media-measure") { (cancellation) throws(MediaError) in
            let source = FootageSource(media: media, log: log, cancellation: cancellation)
            var task = try DeliveryTask(source: source, options: options, decision: decision)
            try Self.settleAudio(&task)
            try Self.settleDamage(&task)
            return task.decision
        }
    }

    /// Decodes audio that could be copied to measure its loudness, and encodes it if that misses the target.
    private static func settleAudio(_ task: inout DeliveryTask) throws(MediaError) {
        guard task.decision.audio == .copy, let target = task.options.loudness else { return }
        let reading = try AudioOpener(task: task).reading()
        if LoudnessPlan.isMet(by: reading, target: target, truePeak: task.options.truePeak) {
            task.decision.audioReasons = [
                "the audio already meets the delivery spec and measures \(reading): its packets are copied"
            ]
        } else {
            task.decision.encodeAudio(because: "it measures \(reading), not \(DeliveryDecision.loudness(target))")
        }
    }

    /// Counts the damage in video that would be copied, which takes decoding it once; only done if `maxDamage` limits it.
    private static func settleDamage(_ task: inout DeliveryTask) throws(MediaError) {
        guard task.decision.video != .encode, task.options.maxDamage < 1 else { return }
        let statistics = try DamageCheck.run(task)
        try task.checkDamage(lostShare: statistics.lostShare + task.decision.excerpt.missingShare)
        if statistics.refusedPackets > 0 {
            task.decision.warnings.append("\(statistics.refusedPackets) video packets can't be decoded")
        }
        if statistics.damagedFrames > 0 {
            task.decision.warnings.append("\(statistics.damagedFrames) frames are damaged")
        }
    }

    // MARK: Writing

    /// Writes and verifies the file, with fewer bits if it comes out too large.
    func write(
        _ decision: DeliveryDecision, options: DeliveryOptions
    ) async throws(StageError) -> Deliverer.Delivery {
        defer { try? FileManager.default.removeItem(atPath: part) }
        var options = options
        for attempt in 0..<Self.maximumAttempts {
            let ceiling = SizeCeiling(
                limit: options.maxBytes, duration: decision.excerpt.duration, audioBitrate: options.audioBitrate)
            guard let quality = ceiling.quality(attempts: attempt, format: decision.format) else { break }
            if let report = try await attemptToWrite(decision, options: options, quality: quality) {
                var result = decision
                result.add(report, options: options)
                if attempt > 0 {
                    result.warnings.append(
                        "encoded again at a lower bit rate to stay within \(ByteCount(options.maxBytes))")
                }
                return try await verified(result, options: options)
            }
            // Copying again would give the same size.
            if decision.video != .encode { break }
            // Reduce the audio's bit rate too, down to the spec's minimum.
            options.audioBitrate = min(options.audioBitrate, DeliverySpec.minimumAudioBitRate)
        }
        throw Self.tooLarge(decision, options: options)
    }

    /// - Returns: Nil if the file exceeds the size limit.
    private func attemptToWrite(
        _ decision: DeliveryDecision, options: DeliveryOptions, quality: EncoderQuality
    ) async throws(StageError) -> DeliveryJob.Report? {
        try await onThread("media-deliver") { (cancellation) throws(MediaError) in
            let source = FootageSource(media: media, log: log, cancellation: cancellation)
            let task = try DeliveryTask(source: source, options: options, decision: decision)
            return try DeliveryJob(task, quality: quality, path: part, progress: progress).run()
        }
    }

    private static func tooLarge(_ decision: DeliveryDecision, options: DeliveryOptions) -> StageError {
        if decision.video != .encode {
            return StageError(
                .overLimit, "the copied packets take more than \(ByteCount(options.maxBytes))",
                hint: "raise maxSize, or set passthrough to auto to encode the video", outcome: .invalidData)
        }
        return StageError(
            .overLimit,
            "\(decision.excerpt.duration.secondsText) at \(decision.format.width)×\(decision.format.height) "
                + "does not fit into \(ByteCount(options.maxBytes))",
            hint: "raise maxSize, or lower maxDuration or size", outcome: .invalidData)
    }

    // MARK: Verifying

    /// Verifies the written file while hashing it, and moves it to its path.
    private func verified(
        _ decision: DeliveryDecision, options: DeliveryOptions
    ) async throws(StageError) -> Deliverer.Delivery {
        async let digest = digest()
        let facts = try await onThread("media-check") { (cancellation) throws(MediaError) in
            // Start writing to disk while the file is verified, so that a later fsync takes less time.
            Writeback.begin(part)
            if let plan = decision.cut {
                try SeamCheck(path: part, plan: plan, cancellation: cancellation, log: log).run()
            }
            return try DeliveryCheck.read(part, decision: decision, options: options, cancellation: cancellation)
        }
        let sha256 = try await digest.get()
        guard rename(part, path) == 0 else {
            throw failure(MediaError("renaming", text: String(cString: strerror(errno)), file: path))
        }
        return Deliverer.Delivery(
            path: path, bytes: facts.bytes, sha256: sha256, decision: decision, duration: facts.duration,
            warnings: decision.warnings)
    }

    /// The file's digest as a result: the type of an error thrown by an `async let` would be lost.
    private func digest() async -> Result<String, StageError> {
        do throws(StageError) {
            return .success(
                try await onThread("media-digest") { (cancellation) throws(MediaError) in
                    try FileDigest.sha256(ofFileAt: part, cancellation: cancellation)
                })
        } catch {
            return .failure(error)
        }
    }

    // MARK: Threads and errors

    /// Runs blocking library calls on a thread of their own, to which the delivery's log is attached.
    private func onThread<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable (CancellationFlag) throws(MediaError) -> Value
    ) async throws(StageError) -> Value {
        do throws(MediaError) {
            return try await BlockingWork.run(name: name) { [log] (cancellation) throws(MediaError) in
                try log.attached { () throws(MediaError) in try body(cancellation) }
            }
        } catch {
            throw failure(error)
        }
    }

    private func failure(_ error: MediaError) -> StageError {
        if error.text == DeliveryJob.nothingDecoded {
            return MediaProbe.unusable(
                media.source, "has no video that can be decoded in the requested range",
                hint: "the file may be damaged: copy it again from its source", cause: error)
        }
        if error.text.hasPrefix(DeliveryTask.tooDamaged) {
            return MediaProbe.unusable(
                media.source, "is too damaged: \(error.text.dropFirst(DeliveryTask.tooDamaged.count))",
                hint: "copy it again from its source, or raise maxDamage", cause: error)
        }
        return error.stageError()
    }
}

extension DeliveryTask {
    /// Prefix of `MediaError.text` of the error if more is lost than allowed.
    static let tooDamaged = "too damaged: "

    /// Throws if the lost share of the video exceeds `maxDamage`.
    func checkDamage(lostShare share: Double) throws(MediaError) {
        let share = min(1, share)
        guard share > options.maxDamage else { return }
        throw MediaError(
            "decoding",
            text: Self.tooDamaged
                + String(
                    format: "%.0f %% of the video is lost, more than the allowed %.0f %%", share * 100,
                    options.maxDamage * 100), file: source.media.source.file.path)
    }
}

extension DeliveryDecision {
    /// Adds what writing the file showed.
    fileprivate mutating func add(_ report: DeliveryJob.Report, options: DeliveryOptions) {
        warnings += report.warnings
        guard let reading = report.loudness, let target = options.loudness else { return }
        audioReasons.append("the encoded audio measures \(reading)")
        if !LoudnessPlan.isMet(by: reading, target: target, truePeak: options.truePeak) {
            warnings.append(
                "the audio measures \(reading), not \(DeliveryDecision.loudness(target)) with peaks of at most "
                    + String(format: "%.1f dBTP", options.truePeak))
        }
    }
}
