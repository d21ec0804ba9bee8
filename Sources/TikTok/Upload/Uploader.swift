package import Foundation
package import PipelineKit

/// Sends a file to its upload address: the thin I/O around ``UploadSession``.
package struct Uploader: Sendable {
    /// How an upload ended.
    package enum Outcome: Sendable {
        /// The service has all bytes.
        case complete
        /// It is certain that bytes are missing and that the address is of no more use: a new post may be created.
        case abandoned(reason: String)
        /// It is certain that bytes are missing, and another attempt would end the same way.
        case refused(StageError)
        /// The service gave the post up for this reason.
        case failedByService(reason: String)
        /// It can't be known whether all bytes arrived.
        case unclear(reason: String)
    }

    /// What the status call told.
    package enum Report: Sendable {
        /// Still under way, with the bytes that arrived when known.
        case underWay(uploadedBytes: Int64?)
        /// Posted, or delivered as a draft.
        case finished
        /// Given up by the service.
        case failed(reason: String)
        /// The call failed.
        case unknown
    }

    /// An upload address lives this long.
    package static let addressLife: TimeInterval = 3600
    /// What is kept in hand at the end of an address's life.
    static let margin: TimeInterval = 20

    private let transport: any Transport
    private let configuration: TikTokConfiguration
    private let clock: HostClock
    private let pace: Pace?
    private let backoff: Backoff
    private let random: @Sendable () -> Double

    /// An uploader.
    /// - Parameters:
    ///   - bytesPerSecond: A ceiling for the rate; nil for as fast as it goes.
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

    /// How an upload ended, and how fast it went.
    package struct Result: Sendable {
        /// How it ended.
        package var outcome: Outcome
        /// Bytes a second; nil when it was too short or held back, so that the rate says nothing of the line.
        package var bytesPerSecond: Double?
    }

    /// An upload that lasts shorter than this says nothing of the line.
    private static let shortestMeasure: TimeInterval = 5

    /// Sends what is missing.
    /// - Parameters:
    ///   - url: The address as the service gave it.
    ///   - committed: Bytes that the service has from an earlier attempt.
    ///   - acceptedAt: When the service gave the address.
    ///   - status: Asks the service how the post stands.
    ///   - progress: Takes progress.
    /// - Throws: `StageError` when another attempt with the same address may succeed, or on cancellation.
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
                // What the host asks for wins, within reason.
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
                    // As the host would answer; the status call has the last word.
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
            return .abandoned(reason: "the upload address was no longer valid (HTTP \(status)); \(arrived)")
        case .unclear(let status):
            return .unclear(
                reason: "the upload address was no longer valid (HTTP \(status)) after the last chunk was interrupted")
        case .rejected(let status):
            return refused(
                StageError(
                    .refused, "TikTok's upload host refused a chunk with HTTP \(status); \(arrived)",
                    hint: "this is a fault of this program or of the host: report it with this number",
                    outcome: .failed), session)
        case .unavailable(let status):
            throw StageError(
                .unavailable,
                "TikTok's upload host \(status.map { "kept answering HTTP \($0)" } ?? "could not be reached"); \(arrived)",
                hint: "run the same command again: it goes on where it stopped, within an hour of the first byte",
                recovery: .transient(after: nil))
        case .outOfStep:
            throw StageError(
                .unavailable, "TikTok's upload host refuses the byte range that its status call asks for; \(arrived)",
                hint: "run the same command again", recovery: .transient(after: nil))
        }
    }

    /// An end that is certain, unless the last chunk may have arrived unnoticed.
    private func refused(_ error: StageError, _ session: UploadSession) -> Outcome {
        session.mayBeComplete
            ? .unclear(reason: "\(error.message), after the last chunk was interrupted") : .refused(error)
    }

    static let changedFile = StageError(
        .fileSystem, "the prepared file changed while it was being sent",
        hint: "run the same command again, and leave the work folder alone meanwhile")

    /// An error when a file can't be sent within an upload address's life at a rate that was measured before.
    package static func hopeless(bytes: Int64, atMeasured bytesPerSecond: Double) -> StageError? {
        let seconds = Double(bytes) / bytesPerSecond
        guard seconds > addressLife - margin else { return nil }
        return StageError(
            .unavailable,
            "at \(BitRate(Int64(bytesPerSecond * 8))), the rate of this machine's last uploads, \(ByteCount(bytes)) would take \(Duration.seconds(seconds).spoken), and TikTok's upload address lives an hour; the upload was not begun",
            hint:
                "use a faster line (rates are forgotten after \(Duration.seconds(rateMemory).spoken)), or lower \"maxrate\" or \"maxSize\" of the transcode stage"
        )
    }

    /// How long a measured rate counts.
    package static let rateMemory: TimeInterval = 3600

    /// An error when the rate so far can't finish within the address's life.
    static func tooSlow(sent: Int64, in elapsed: TimeInterval, missing: Int64, left: TimeInterval) -> StageError? {
        // Half a minute of whole chunks is the least that says anything about a line.
        guard elapsed >= 30, sent > 0 else { return nil }
        let rate = Double(sent) / elapsed
        guard Double(missing) / rate > left else { return nil }
        return StageError(
            .unavailable,
            "at \(BitRate(Int64(rate * 8))) the missing \(ByteCount(missing)) would take \(Duration.seconds(Double(missing) / rate).spoken), and the upload has to end in \(Duration.seconds(left).spoken)",
            hint: "use a faster line, or lower \"maxrate\" or \"maxSize\" of the transcode stage")
    }
}

/// The `Content-Range` field of an answer.
enum ContentRange {
    /// The number after the dash in `bytes 0-<number>/<total>`.
    static func progress(_ field: String?) -> Int64? {
        guard let field, let dash = field.firstIndex(of: "-") else { return nil }
        return Int64(field[field.index(after: dash)...].prefix { $0.isASCII && $0.isNumber })
    }
}
