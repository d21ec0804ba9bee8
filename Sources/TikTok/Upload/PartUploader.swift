import Foundation
package import PipelineKit

/// A file to upload in numbered parts.
package struct PartUpload: Sendable {
    package let file: FileSource
    package let plan: ChunkPlan
    /// The SHA-256 of the file.
    package let digest: String
    /// Saves the progress, which must be on disk when it returns.
    package let save: @Sendable (PartProgress) async throws(StageError) -> Void
    /// Receives the fraction sent and the current rate.
    package let report: @Sendable (StageProgress) -> Void

    package init(
        file: FileSource, plan: ChunkPlan, digest: String,
        save: @escaping @Sendable (PartProgress) async throws(StageError) -> Void,
        report: @escaping @Sendable (StageProgress) -> Void
    ) {
        self.file = file
        self.plan = plan
        self.digest = digest
        self.save = save
        self.report = report
    }
}

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
    private static let defaultLifetime: TimeInterval = 3600
    /// The longest delay of the service to follow, in seconds.
    private static let longestRetryAfter: TimeInterval = 120

    private let session: TikTokSession
    private let clock: HostClock
    private let pace: Pace?
    private let random: @Sendable () -> Double

    /// Creates an uploader.
    /// - Parameters:
    ///   - bytesPerSecond: The maximum upload rate; nil for unlimited.
    ///   - random: Jitter from 0 to 1.
    package init(
        _ session: TikTokSession, clock: HostClock, bytesPerSecond: Double? = nil,
        random: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
    ) {
        self.session = session
        self.clock = clock
        self.random = random
        pace = bytesPerSecond.map { Pace(bytesPerSecond: $0, clock: clock) }
    }

    /// Uploads the missing parts and completes the upload.
    /// - Parameter earlier: The saved progress of an earlier attempt; ignored if it does not match the file and plan.
    /// - Returns: The video's id.
    /// - Throws: `StageError` if the file changed, a call fails permanently, or the upload is too slow to finish in
    ///   time.
    package func upload(
        _ upload: PartUpload, resuming earlier: PartProgress?
    ) async throws(StageError) -> String {
        guard upload.file.bytes == upload.plan.size, upload.file.isUnchanged else { throw Uploader.changedFile }
        var saved = earlier.flatMap { $0.fits(upload.plan, digest: upload.digest, at: clock.now()) ? $0 : nil }
        var restarts = 0
        while true {
            var state: PartProgress
            if let saved {
                state = saved
            } else {
                state = try await open(upload)
            }
            if let videoID = state.videoID { return videoID }
            do throws(StageError) {
                try await sendParts(of: upload, state: &state)
                return try await complete(upload, state: &state)
            } catch {
                // The service does not know the upload, or parts are missing. Nothing was posted, so start over.
                guard error.code == .refused, restarts < Self.freshStarts else { throw error }
                restarts += 1
                saved = nil
            }
        }
    }

    private func open(_ upload: PartUpload) async throws(StageError) -> PartProgress {
        try await session.acquireUploadPermit()
        let opened = try await retrying { () throws(StageError) in try await session.openUpload(upload.plan) }
        let lifetime = opened.expiresIn ?? Self.defaultLifetime
        let state = PartProgress(
            uploadID: opened.uploadID, fileDigest: upload.digest, partSize: upload.plan.chunkSize,
            expiresAt: clock.now().timeIntervalSince1970 + lifetime - PendingUpload.margin)
        try await upload.save(state)
        return state
    }

    private func sendParts(of upload: PartUpload, state: inout PartProgress) async throws(StageError) {
        let plan = upload.plan
        let meter = UploadMeter(size: plan.size, clock: clock, report: upload.report)
        var sent: Int64 = 0
        for number in 1...plan.count where !state.parts.contains(number) {
            let arrived = state.parts.reduce(0) { $0 + Int64(plan.range(at: $1 - 1).count) }
            let left = state.expiresAt - clock.now().timeIntervalSince1970
            guard left > 0 else {
                throw StageError(
                    .refused, "the upload expired; \(ByteCount(arrived)) of \(ByteCount(plan.size)) arrived",
                    hint: "run the same command again", outcome: .unavailable)
            }
            if let problem = UploadRate.problem(
                sent: sent, in: meter.elapsed, missing: plan.size - arrived, left: left)
            {
                throw problem
            }
            let part = Part(
                number: number, uploadID: state.uploadID, range: plan.range(at: number - 1), position: arrived,
                timeout: .seconds(min(left + 60, Self.longestPart)))
            try await send(part, of: upload.file, metering: meter)
            sent += Int64(part.range.count)
            state.parts.insert(number)
            try await upload.save(state)
        }
    }

    /// A part to send.
    private struct Part {
        /// Counted from 1.
        var number: Int
        var uploadID: String
        var range: Range<Int64>
        /// The number of bytes that have arrived in other parts.
        var position: Int64
        var timeout: Duration
    }

    private func send(
        _ part: Part, of file: FileSource, metering meter: UploadMeter
    ) async throws(StageError) {
        let received = try await retrying { () throws(StageError) in
            let chunk = FileChunk(
                file: file, range: part.range, pace: pace, onSent: meter.counter(from: part.position))
            return try await session.sendPart(
                VideoPart(number: part.number, uploadID: part.uploadID, chunk: chunk), timeout: part.timeout)
        }
        guard received.receivedBytes == nil || received.receivedBytes == Int64(part.range.count) else {
            throw StageError(
                .refused, "the service received \(received.receivedBytes ?? 0) of \(part.range.count) bytes of a part",
                hint: "run the same command again", outcome: .unavailable)
        }
    }

    private func complete(_ upload: PartUpload, state: inout PartProgress) async throws(StageError) -> String {
        let uploadID = state.uploadID
        let video = try await retrying { () throws(StageError) in try await session.completeUpload(uploadID) }
        guard video.videoSize == nil || video.videoSize == upload.plan.size else {
            throw StageError(
                .refused, "the service assembled \(video.videoSize ?? 0) of \(upload.plan.size) bytes",
                hint: "run the same command again", outcome: .unavailable)
        }
        state.videoID = video.videoID
        try await upload.save(state)
        upload.report(StageProgress(fraction: 1))
        return video.videoID
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
                guard let delay = delay(after: error, attempt: attempt), attempt < Self.attemptsPerPart else {
                    throw error
                }
                attempt += 1
                try await clock.pause(for: delay)
            }
        }
    }

    /// The delay before the next attempt; nil if it would fail too.
    private func delay(after error: StageError, attempt: Int) -> Duration? {
        switch error.recovery {
        case .transient(let seconds?): .seconds(min(seconds, Self.longestRetryAfter))
        case .transient(nil): ExponentialBackoff.upload.delay(afterAttempt: attempt, random: random())
        case .limited(let seconds?) where seconds <= Self.longestRetryAfter: .seconds(seconds)
        default: nil
        }
    }
}
