import Foundation
package import PipelineKit

/// Sends a file in numbered parts: the multipart dialect's way to a video id.
///
/// Nothing of it makes a post, so every call may be repeated. What the service has is noted after every part.
package struct PartUploader: Sendable {
    private static let attemptsPerPart = 6
    /// How often an upload whose parts went missing or whose time ran out is begun anew.
    private static let freshStarts = 2
    /// What a part may take when the upload's end is far.
    private static let longestPart: TimeInterval = 3600
    /// What is assumed of an upload that does not say how long it takes parts.
    private static let usualLife: TimeInterval = 3600

    private let session: TikTokSession
    private let clock: HostClock
    private let pace: Pace?
    private let backoff: Backoff
    private let random: @Sendable () -> Double

    /// An uploader.
    /// - Parameters:
    ///   - bytesPerSecond: A ceiling for the rate; nil for as fast as it goes.
    ///   - random: Jitter from 0 to 1.
    package init(
        _ session: TikTokSession, clock: HostClock, bytesPerSecond: Double? = nil, backoff: Backoff = Backoff(),
        random: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
    ) {
        self.session = session
        self.clock = clock
        self.backoff = backoff
        self.random = random
        pace = bytesPerSecond.map { Pace(bytesPerSecond: $0, clock: clock) }
    }

    /// Sends what is missing and puts the parts together.
    /// - Parameters:
    ///   - earlier: How far an earlier attempt came.
    ///   - note: Writes down how far this one has come; on disk when it returns.
    /// - Returns: The id of the video.
    /// - Throws: `StageError`.
    package func upload(
        _ file: FileSource, by plan: ChunkPlan, digest: String, from earlier: PartProgress?,
        note: (PartProgress) async throws(StageError) -> Void, progress: @escaping @Sendable (StageProgress) -> Void
    ) async throws(StageError) -> String {
        guard file.bytes == plan.size, file.isUnchanged else { throw Uploader.changedFile }
        var state = earlier.flatMap { $0.fits(plan, digest: digest, at: clock.now()) ? $0 : nil }
        var starts = 0
        while true {
            var current: PartProgress
            if let state {
                current = state
            } else {
                current = try await open(plan, digest)
                try await note(current)
            }
            if let videoID = current.videoID { return videoID }
            do throws(StageError) {
                try await sendParts(file, plan, &current, note, progress)
                let video = try await retrying { () throws(StageError) in
                    try await session.completeUpload(current.uploadID)
                }
                guard video.videoSize == nil || video.videoSize == plan.size else {
                    throw StageError(
                        .refused, "the service put \(video.videoSize ?? 0) of \(plan.size) bytes together",
                        hint: "run the same command again", outcome: .unavailable)
                }
                current.videoID = video.videoID
                try await note(current)
                progress(StageProgress(fraction: 1))
                return video.videoID
            } catch {
                // The service does not know the upload or misses parts of it: nothing was posted.
                guard error.code == .refused, starts < Self.freshStarts else { throw error }
                starts += 1
                state = nil
            }
        }
    }

    private func open(_ plan: ChunkPlan, _ digest: String) async throws(StageError) -> PartProgress {
        try await session.acquireUploadPermit()
        let opened = try await retrying { () throws(StageError) in try await session.openUpload(plan) }
        return PartProgress(
            uploadID: opened.uploadID, fileDigest: digest, partSize: plan.chunkSize,
            expiresAt: clock.now().timeIntervalSince1970 + (opened.expiresIn ?? Self.usualLife) - Uploader.margin)
    }

    private func sendParts(
        _ file: FileSource, _ plan: ChunkPlan, _ state: inout PartProgress,
        _ note: (PartProgress) async throws(StageError) -> Void,
        _ progress: @escaping @Sendable (StageProgress) -> Void
    ) async throws(StageError) {
        let meter = RateMeter()
        let beganAt = clock.now()
        var sent: Int64 = 0
        for number in 1...plan.count where !state.parts.contains(number) {
            let range = plan.range(at: number - 1)
            let arrived = state.parts.reduce(0) { $0 + Int64(plan.range(at: $1 - 1).count) }
            let left = state.expiresAt - clock.now().timeIntervalSince1970
            guard left > 0 else {
                throw StageError(
                    .refused, "the upload's time ran out; \(ByteCount(arrived)) of \(ByteCount(plan.size)) arrived",
                    hint: "run the same command again", outcome: .unavailable)
            }
            if let hopeless = Uploader.tooSlow(
                sent: sent, in: clock.now().timeIntervalSince(beganAt), missing: plan.size - arrived, left: left)
            {
                throw hopeless
            }
            let (id, total, clock, pace) = (state.uploadID, Double(plan.size), clock, pace)
            let received = try await retrying { () throws(StageError) in
                let position = SentBytes(start: arrived)
                let chunk = FileChunk(file: file, range: range, pace: pace) { count in
                    let position = position.add(count)
                    let rate = meter.add(count, at: clock.now().timeIntervalSinceReferenceDate)
                    // Bytes that are sent again count once.
                    progress(StageProgress(fraction: min(1, Double(position) / total), bytesPerSecond: rate))
                }
                return try await session.sendPart(
                    number, of: id, chunk, timeout: .seconds(min(left + 60, Self.longestPart)))
            }
            guard received.receivedBytes == nil || received.receivedBytes == Int64(range.count) else {
                throw StageError(
                    .refused, "the service took \(received.receivedBytes ?? 0) of \(range.count) bytes of a part",
                    hint: "run the same command again", outcome: .unavailable)
            }
            sent += Int64(range.count)
            state.parts.insert(number)
            try await note(state)
        }
    }

    /// Repeats what may succeed when it is tried again.
    private func retrying<Answer>(
        _ body: () async throws(StageError) -> Answer
    ) async throws(StageError) -> Answer {
        var attempt = 1
        while true {
            do throws(StageError) {
                return try await body()
            } catch {
                var wait = backoff.delay(afterAttempt: attempt, random: random())
                switch error.recovery {
                case .transient(let after):
                    if let after { wait = .seconds(min(after, 120)) }
                case .limited(let after?) where after <= 120: wait = .seconds(after)
                default: throw error
                }
                guard attempt < Self.attemptsPerPart else { throw error }
                attempt += 1
                do {
                    try await clock.sleep(wait)
                } catch {
                    throw .cancelled
                }
            }
        }
    }
}
