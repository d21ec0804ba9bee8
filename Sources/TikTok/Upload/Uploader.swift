package import Foundation
package import PipelineKit

/// Sends a file to its upload URL: the I/O around the ``UploadSession`` state machine.
package struct Uploader: Sendable {
    package enum Outcome: Sendable {
        /// The service has all bytes.
        case complete
        /// Bytes are certainly missing and the upload URL is no longer valid: a new post may be created.
        case abandoned(reason: String)
        /// Bytes are certainly missing, and another attempt would fail in the same way.
        case refused(StageError)
        /// The service rejected the post for this reason.
        case failedByService(reason: String)
        /// It is unknown whether all bytes have arrived.
        case unclear(reason: String)
    }

    /// The result of a status call, reduced to what the upload needs.
    package enum Report: Sendable {
        /// In progress; nil if the response does not say how many bytes have arrived.
        case underWay(uploadedBytes: Int64?)
        /// Posted, or delivered as a draft.
        case finished
        /// Rejected by the service.
        case failed(reason: String)
        /// The status call failed.
        case unknown
    }

    /// How long an upload URL is valid, in seconds.
    package static let addressLife: TimeInterval = 3600
    /// How long before the URL expires to stop, in seconds.
    static let margin: TimeInterval = 20

    private let transport: any Transport
    private let configuration: TikTokConfiguration
    private let clock: HostClock
    private let pace: Pace?
    private let backoff: Backoff
    private let random: @Sendable () -> Double

    /// Creates an uploader.
    /// - Parameters:
    ///   - bytesPerSecond: The maximum upload rate; nil for unlimited.
    ///   - random: Jitter from 0 to 1.
    package init(
        _ configuration: TikTokConfiguration, transport: any Transport, clock: HostClock,
        bytesPerSecond: Double? = nil, backoff: Backoff = Backoff(),
        random: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
    ) {
        self.transport = transport
        self.configuration = configuration
        self.clock = clock
        self.backoff = backoff
        self.random = random
        pace = bytesPerSecond.map { Pace(bytesPerSecond: $0, clock: clock) }
    }

    /// The outcome of an upload and its measured rate.
    package struct Result: Sendable {
        package var outcome: Outcome
        /// Bytes per second; nil if the upload was too short, throttled or interrupted, so that the rate does not
        /// reflect the line.
        package var bytesPerSecond: Double?
    }

    /// The minimum duration of an upload, in seconds, for its rate to count as a measurement.
    private static let shortestMeasure: TimeInterval = 5

    /// Sends the missing bytes.
    /// - Parameters:
    ///   - url: The upload URL, exactly as the service returned it.
    ///   - committed: The number of bytes that the service has from an earlier attempt.
    ///   - acceptedAt: When the service issued the URL; it is valid for `addressLife` from then on.
    ///   - status: Makes a status call for the post.
    ///   - progress: Receives the fraction sent and the current rate.
    /// - Throws: `StageError` if another attempt with the same URL may succeed, or on cancellation.
    package func upload(
        _ file: FileSource, by plan: ChunkPlan, to url: Secret, committed: Int64, acceptedAt: Date,
        status: @Sendable () async throws(StageError) -> Report, progress: @escaping @Sendable (StageProgress) -> Void
    ) async throws(StageError) -> Result {
        let meter = RateMeter()
        let beganAt = clock.now()
        let outcome = try await send(
            file, by: plan, to: url, committed: committed, acceptedAt: acceptedAt, meter, status: status,
            progress: progress)
        let elapsed = clock.now().timeIntervalSince(beganAt)
        let isMeasure = pace == nil && !meter.isInterrupted && elapsed >= Self.shortestMeasure && meter.total > 0
        return Result(outcome: outcome, bytesPerSecond: isMeasure ? Double(meter.total) / elapsed : nil)
    }

    private func send(
        _ file: FileSource, by plan: ChunkPlan, to url: Secret, committed: Int64, acceptedAt: Date, _ meter: RateMeter,
        status: @Sendable () async throws(StageError) -> Report, progress: @escaping @Sendable (StageProgress) -> Void
    ) async throws(StageError) -> Outcome {
        guard file.bytes == plan.size, file.isUnchanged else { return .refused(Self.changedFile) }
        let deadline = acceptedAt.addingTimeInterval(Self.addressLife - Self.margin)
        var session = UploadSession(plan: plan, committed: committed)
        var action = session.start()
        var retryAfter: Double?
        let beganAt = clock.now()
        let startOffset = session.committed
        progress(StageProgress(fraction: Double(startOffset) / Double(plan.size)))
        while true {
            if Task.isCancelled { throw .cancelled }
            switch action {
            case .done: return .complete
            case .fail(let failure): return try outcome(of: failure, session)
            case .askStatus(let attempt):
                meter.interrupt()
                let delay = backoff.delay(afterAttempt: attempt, random: random())
                // The host's Retry-After takes precedence, up to two minutes.
                try await wait(retryAfter.map { .seconds(min($0, 120)) } ?? delay)
                retryAfter = nil
                switch try await status() {
                case .underWay(let bytes): action = session.handle(.reported(uploadedBytes: bytes))
                case .finished: action = session.handle(.finished)
                case .unknown: action = session.handle(.statusUnknown)
                case .failed(let reason): return .failedByService(reason: reason)
                }
            case .send(let range):
                let now = clock.now()
                let left = deadline.timeIntervalSince(now)
                guard left > 0 else {
                    // The host would respond with 403 now. Let the status call decide, as it does after a real 403.
                    action = session.handle(.answered(status: 403, progress: nil))
                    continue
                }
                let elapsed = now.timeIntervalSince(beganAt)
                if let hopeless = Self.tooSlow(
                    sent: session.committed - startOffset, in: elapsed, missing: plan.size - session.committed,
                    left: left)
                {
                    return refused(hopeless, session)
                }
                switch await send(range, of: file, plan, to: url, timeout: left + 60, meter, progress) {
                case .success(let response):
                    retryAfter = response.retryAfter
                    action = session.handle(
                        .answered(
                            status: response.status,
                            progress: ContentRange.progress(response.headers["content-range"])))
                case .failure(let failure):
                    switch failure.kind {
                    case .cancelled: throw .cancelled
                    case .file: return refused(Self.changedFile, session)
                    case .unreachable, .timeout, .broken, .oversized: action = session.handle(.interrupted)
                    }
                }
            }
        }
    }

    private func wait(_ delay: Duration) async throws(StageError) {
        guard delay > .zero else { return }
        do {
            try await clock.sleep(delay)
        } catch {
            throw .cancelled
        }
    }

    private func send(
        _ range: Range<Int64>, of file: FileSource, _ plan: ChunkPlan, to url: Secret, timeout: TimeInterval,
        _ meter: RateMeter, _ progress: @escaping @Sendable (StageProgress) -> Void
    ) async -> Swift.Result<TransportResponse, TransportFailure> {
        let position = SentBytes(start: range.lowerBound)
        let clock = clock
        let total = Double(plan.size)
        let chunk = FileChunk(file: file, range: range, pace: pace) { count in
            let sent = position.add(count)
            let rate = meter.add(count, at: clock.now().timeIntervalSinceReferenceDate)
            progress(StageProgress(fraction: Double(sent) / total, bytesPerSecond: rate))
        }
        let request = TransportRequest(
            method: "PUT", url: url.reveal(),
            headers: [
                ("Content-Type", "video/mp4"),
                ("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(plan.size)"),
            ], body: .file(chunk), timeout: .seconds(timeout))
        do throws(TransportFailure) {
            return .success(try await transport.send(request))
        } catch {
            return .failure(error)
        }
    }

    private func outcome(
        of failure: UploadSession.Failure, _ session: UploadSession
    ) throws(StageError) -> Outcome {
        let arrived = "\(ByteCount(session.committed)) of \(ByteCount(session.plan.size)) arrived"
        switch failure {
        case .addressExpired(let status):
            return .abandoned(reason: "the upload URL was no longer valid (HTTP \(status)); \(arrived)")
        case .unclear(let status):
            return .unclear(
                reason: "the upload URL was no longer valid (HTTP \(status)) after the last chunk was interrupted")
        case .rejected(let status):
            return refused(
                StageError(
                    .refused, "TikTok's upload host rejected a chunk with HTTP \(status); \(arrived)",
                    hint: "this is a bug in this program or in the host: report it with the HTTP status",
                    outcome: .failed), session)
        case .unavailable(let status):
            throw StageError(
                .unavailable,
                "TikTok's upload host \(status.map { "kept returning HTTP \($0)" } ?? "could not be reached"); \(arrived)",
                hint: "run the same command again within an hour of the first byte to resume the upload",
                recovery: .transient(after: nil))
        case .outOfStep:
            throw StageError(
                .unavailable, "TikTok's upload host rejects the byte range that its status call asks for; \(arrived)",
                hint: "run the same command again", recovery: .transient(after: nil))
        }
    }

    /// `refused` with this error, or `unclear` if the last chunk may have arrived unconfirmed.
    private func refused(_ error: StageError, _ session: UploadSession) -> Outcome {
        session.mayBeComplete
            ? .unclear(reason: "\(error.message), after the last chunk was interrupted") : .refused(error)
    }

    static let changedFile = StageError(
        .fileSystem, "the prepared file changed while it was being sent",
        hint: "run the same command again, and do not change the work folder while it runs")

    /// Returns an error if a file can't be sent before its upload URL expires, at a rate measured by earlier uploads.
    package static func hopeless(bytes: Int64, atMeasured bytesPerSecond: Double) -> StageError? {
        let seconds = Double(bytes) / bytesPerSecond
        guard seconds > addressLife - margin else { return nil }
        return StageError(
            .unavailable,
            "at \(BitRate(Int64(bytesPerSecond * 8))), the rate of this machine's last uploads, \(ByteCount(bytes)) would take \(Duration.seconds(seconds).spoken), but TikTok's upload URL is valid for an hour; the upload was not started",
            hint:
                "use a faster connection (measured rates expire after \(Duration.seconds(rateMemory).spoken)), or lower \"maxrate\" or \"maxSize\" of the transcode stage"
        )
    }

    /// How long a measured rate stays valid, in seconds.
    package static let rateMemory: TimeInterval = 3600

    /// Returns an error if the upload can't finish in the `left` seconds at its rate so far.
    static func tooSlow(sent: Int64, in elapsed: TimeInterval, missing: Int64, left: TimeInterval) -> StageError? {
        // A shorter sample says too little about the line.
        guard elapsed >= 30, sent > 0 else { return nil }
        let rate = Double(sent) / elapsed
        guard Double(missing) / rate > left else { return nil }
        return StageError(
            .unavailable,
            "at \(BitRate(Int64(rate * 8))) the missing \(ByteCount(missing)) would take \(Duration.seconds(Double(missing) / rate).spoken), but the upload must finish within \(Duration.seconds(left).spoken)",
            hint: "use a faster connection, or lower \"maxrate\" or \"maxSize\" of the transcode stage")
    }
}

/// Parses the `Content-Range` header of a response.
enum ContentRange {
    /// The number after the dash in `bytes 0-<number>/<total>`; nil if the header is missing or malformed.
    static func progress(_ field: String?) -> Int64? {
        guard let field, let dash = field.firstIndex(of: "-") else { return nil }
        return Int64(field[field.index(after: dash)...].prefix { $0.isASCII && $0.isNumber })
    }
}
