import Foundation
package import PipelineKit

/// Writes deliveries; the entry point for stages.
package enum Deliverer {
    /// A finished delivery and how it was made.
    package struct Delivery: Sendable {
        package var path: String
        package var bytes: Int64
        package var sha256: String
        /// The decision that was carried out; differs from the planned one if a copy did not meet the spec.
        package var decision: DeliveryDecision
        /// Duration in seconds as measured in the file.
        package var duration: Double
        /// Problems that the user should know of.
        package var warnings: [String]
    }

    /// Attempts to stay within a size ceiling before the delivery fails.
    private static let maximumAttempts = 4

    /// Writes a delivery to `path` on a separate thread.
    ///
    /// The file appears at `path` only when it is complete and verified; on failure nothing is left behind.
    package static func deliver(
        _ media: ProbedMedia, options: DeliveryOptions, to path: String,
        progress: @escaping @Sendable (StageProgress) -> Void
    ) async throws(StageError) -> Delivery {
        try await BlockingWork.run(name: "media-deliver") { (cancellation) throws(StageError) in
            try deliver(media, options: options, to: path, cancellation: cancellation, progress: progress)
        }
    }

    /// Writes a delivery on the calling thread, which it blocks.
    package static func deliver(
        _ media: ProbedMedia, options: DeliveryOptions, to path: String, cancellation: CancellationFlag,
        progress: @escaping @Sendable (StageProgress) -> Void
    ) throws(StageError) -> Delivery {
        try MediaLibraries.load()
        var decision = try DeliveryDecision(for: media, options: options)
        let log = MediaLog()
        return try log.attached { () throws(StageError) in
            try settleAudio(&decision, media, options, log, cancellation)
            try settleDamage(&decision, media, options, log, cancellation)
            do throws(StageError) {
                return try attempt(
                    media, options, decision, path: path, log: log, cancellation: cancellation, progress: progress)
            } catch {
                // If a copy fails the verification, fall back to encoding, which always works.
                guard decision.video != .encode, options.passthrough != .require,
                    [.media, .overLimit].contains(error.code)
                else { throw error }
                var encoding = options
                encoding.passthrough = .never
                var second = try DeliveryDecision(for: media, options: encoding)
                second.videoReasons = ["a copy of the packets does not meet the delivery spec: \(error.message)"]
                return try attempt(
                    media, encoding, second, path: path, log: log, cancellation: cancellation, progress: progress)
            }
        }
    }

    /// Decodes audio that could be copied to measure its loudness, and encodes it if that misses the target.
    private static func settleAudio(
        _ decision: inout DeliveryDecision, _ media: ProbedMedia, _ options: DeliveryOptions, _ log: MediaLog,
        _ cancellation: CancellationFlag
    ) throws(StageError) {
        guard decision.audio == .copy, let target = options.loudness else { return }
        let source = FootageSource(media: media, log: log, cancellation: cancellation)
        let reading: LoudnessReading
        do throws(MediaError) {
            reading = try AudioOpener(source: source, decision: decision, options: options).reading()
        } catch {
            throw failure(error, media)
        }
        if LoudnessPlan.isMet(by: reading, target: target, truePeak: options.truePeak) {
            decision.audioReasons = [
                "the audio already meets the delivery spec and measures \(reading): its packets are copied"
            ]
            return
        }
        decision.encodeAudio(because: "it measures \(reading), not \(DeliveryDecision.loudness(target))")
    }

    /// Counts the damage in video that would be copied, which takes decoding it once; only done if `maxDamage` limits it.
    private static func settleDamage(
        _ decision: inout DeliveryDecision, _ media: ProbedMedia, _ options: DeliveryOptions, _ log: MediaLog,
        _ cancellation: CancellationFlag
    ) throws(StageError) {
        guard decision.video != .encode, options.maxDamage < 1, let track = media.videoTrack else { return }
        let source = FootageSource(media: media, log: log, cancellation: cancellation)
        do throws(MediaError) {
            let tally = try DamageCheck.run(source, track: track, decision: decision)
            try DeliveryJob.allow(min(1, tally.share + decision.missingShare), options: options, media: media)
            if tally.refused > 0 {
                decision.warnings.append("\(tally.refused) video packets can't be decoded")
            }
            if tally.damaged > 0 { decision.warnings.append("\(tally.damaged) frames are damaged") }
        } catch {
            throw failure(error, media)
        }
    }

    private static func attempt(
        _ media: ProbedMedia, _ options: DeliveryOptions, _ decision: DeliveryDecision, path: String, log: MediaLog,
        cancellation: CancellationFlag, progress: @escaping @Sendable (StageProgress) -> Void
    ) throws(StageError) -> Delivery {
        let part = path + ".part"
        defer { try? FileManager.default.removeItem(atPath: part) }
        var options = options
        for attempt in 0..<maximumAttempts {
            let ceiling = SizeCeiling(
                limit: options.maxBytes, duration: decision.duration, audioBitrate: options.audioBitrate)
            guard
                let quality = ceiling.quality(
                    attempts: attempt, width: decision.width, height: decision.height,
                    framesPerSecond: decision.frameRate.value ?? 30)
            else { break }
            do throws(MediaError) {
                let job = try DeliveryJob(
                    media: media, options: options, decision: decision, quality: quality, path: part, log: log,
                    cancellation: cancellation, progress: progress)
                if case .tooLarge = try job.run() {
                    // Copying again would give the same size.
                    if decision.video != .encode { break }
                    // Reduce the audio's bit rate too, down to the spec's minimum.
                    options.audioBitrate = min(options.audioBitrate, DeliverySpec.minimumAudioBitRate)
                    continue
                }
                var warnings = decision.warnings + job.warnings
                var decision = decision
                if let reading = job.audioReading, let target = options.loudness {
                    decision.audioReasons.append("the encoded audio measures \(reading)")
                    if !LoudnessPlan.isMet(by: reading, target: target, truePeak: options.truePeak) {
                        warnings.append(
                            "the audio measures \(reading), not \(DeliveryDecision.loudness(target)) with peaks of at most "
                                + String(format: "%.1f dBTP", options.truePeak))
                    }
                }
                if attempt > 0 {
                    warnings.append("encoded again at a lower bit rate to stay within \(ByteCount(options.maxBytes))")
                }
                return try finish(
                    part, as: path, decision: decision, options: options, warnings: warnings,
                    cancellation: cancellation)
            } catch {
                throw failure(error, media)
            }
        }
        if decision.video != .encode {
            throw StageError(
                .overLimit, "the copied packets take more than \(ByteCount(options.maxBytes))",
                hint: "raise maxSize, or set passthrough to auto to encode the video", outcome: .invalidData)
        }
        throw StageError(
            .overLimit,
            "\(DeliveryDecision.text(decision.duration)) at \(decision.width)×\(decision.height) does not fit into "
                + "\(ByteCount(options.maxBytes))",
            hint: "raise maxSize, or lower maxDuration or size", outcome: .invalidData)
    }

    private static func finish(
        _ part: String, as path: String, decision: DeliveryDecision, options: DeliveryOptions, warnings: [String],
        cancellation: CancellationFlag
    ) throws(MediaError) -> Delivery {
        // Start writing to disk while the file is verified, so that a later fsync takes less time.
        Writeback.begin(part)
        if let plan = decision.cut {
            try SeamCheck.run(part, plan: plan, cancellation: cancellation, log: MediaLog())
        }
        let (facts, digest) = try Together.run { () throws(MediaError) in
            try DeliveryCheck.read(part, decision: decision, options: options, cancellation: cancellation)
        } _: { () throws(MediaError) in
            try FileDigest.sha256(ofFileAt: part, cancellation: cancellation)
        }
        guard rename(part, path) == 0 else {
            throw MediaError("renaming", text: String(cString: strerror(errno)), file: path)
        }
        return Delivery(
            path: path, bytes: facts.bytes, sha256: digest, decision: decision, duration: facts.duration,
            warnings: warnings)
    }

    private static func failure(_ error: MediaError, _ media: ProbedMedia) -> StageError {
        if error.text == DeliveryJob.nothingDecoded {
            return MediaProbe.unusable(
                media.source, "has no video that can be decoded in the requested range",
                hint: "the file may be damaged: copy it again from its source", cause: error)
        }
        if error.text.hasPrefix(DeliveryJob.tooDamaged) {
            return MediaProbe.unusable(
                media.source, "is too damaged: \(error.text.dropFirst(DeliveryJob.tooDamaged.count))",
                hint: "copy it again from its source, or raise maxDamage", cause: error)
        }
        return error.stageError()
    }
}
