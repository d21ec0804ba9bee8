import Foundation
package import PipelineKit

/// Uploads a file in numbered parts and returns its video id (multipart dialect).
///
/// None of these calls creates a post, so each may be repeated. Progress is saved after every part.
package struct PartUploader: Sendable {
    private static let attemptsPerPart = 6
    /// How often to restart an upload that the service refused or that expired.
    private static let freshStarts = 2
    /// The maximum timeout for one part, in seconds.
    private static let longestPart: TimeInterval = 3600
    /// The lifetime to assume, in seconds, if the service does not report one.
    private static let usualLife: TimeInterval = 3600

    private let session: TikTokSession
    private let clock: HostClock
    private let pace: Pace?
    private let backoff: Backoff
    private let random: @Sendable () -> Double

    /// Creates an uploader.
    /// - Parameters:
    ///   - bytesPerSecond: The maximum upload rate; nil for unlimited.
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

    /// Uploads the missing parts and completes the upload.
    /// - Parameters:
    ///   - earlier: The saved progress of an earlier attempt; ignored if it does not match the file and plan.
    ///   - note: Saves the progress; it must be on disk when this returns.
    /// - Returns: The video's id.
    /// - Throws: `StageError` if the file changed, a call fails permanently, or the upload is too slow to finish in
    ///   time.
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
                        .refused, "the service assembled \(video.videoSize ?? 0) of \(plan.size) bytes",
                        hint: "run the same command again", outcome: .unavailable)
                }
                current.videoID = video.videoID
                try await note(current)
                progress(StageProgress(fraction: 1))
                return video.videoID
            } catch {
                // The service does not know the upload, or parts are missing. Nothing was posted, so start over.
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
                    .refused, "the upload expired; \(ByteCount(arrived)) of \(ByteCount(plan.size)) arrived",
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
                    // `position` restarts with each attempt, so resent bytes count once.
                    progress(StageProgress(fraction: min(1, Double(position) / total), bytesPerSecond: rate))
                }
                return try await session.sendPart(
                    number, of: id, chunk, timeout: .seconds(min(left + 60, Self.longestPart)))
            }
            guard received.receivedBytes == nil || received.receivedBytes == Int64(range.count) else {
                throw StageError(
                    .refused, "the service received \(received.receivedBytes ?? 0) of \(range.count) bytes of a part",
                    hint: "run the same command again", outcome: .unavailable)
            }
            sent += Int64(range.count)
            state.parts.insert(number)
            try await note(state)
        }
    }

    /// Retries `body` on transient errors and on rate limits of at most two minutes.
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
