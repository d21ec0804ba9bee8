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

    /// The outcome of an upload and its measured rate.
    package struct Result: Sendable {
        package var outcome: Outcome
        /// Bytes per second; nil if the upload was too short, throttled or interrupted, so that the rate does not
        /// reflect the line.
        package var bytesPerSecond: Double?
    }

    private let transport: any Transport
    private let clock: HostClock
    private let pace: Pace?
    private let random: @Sendable () -> Double

    /// Creates an uploader.
    /// - Parameters:
    ///   - bytesPerSecond: The maximum upload rate; nil for unlimited.
    ///   - random: Jitter from 0 to 1.
    package init(
        transport: any Transport, clock: HostClock, bytesPerSecond: Double? = nil,
        random: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
    ) {
        self.transport = transport
        self.clock = clock
        self.random = random
        pace = bytesPerSecond.map { Pace(bytesPerSecond: $0, clock: clock) }
    }

    /// Sends the missing bytes.
    /// - Parameters:
    ///   - status: Makes a status call for the post.
    ///   - progress: Receives the fraction sent and the current rate.
    /// - Throws: `StageError` if another attempt with the same URL may succeed, or on cancellation.
    package func upload(
        _ upload: PendingUpload, status: @Sendable () async throws(StageError) -> Report,
        progress: @escaping @Sendable (StageProgress) -> Void
    ) async throws(StageError) -> Result {
        guard upload.file.bytes == upload.plan.size, upload.file.isUnchanged else {
            return Result(outcome: .refused(Self.changedFile))
        }
        let meter = UploadMeter(size: upload.plan.size, clock: clock, report: progress)
        let outcome = try await perform(upload, metering: meter, status: status)
        return Result(outcome: outcome, bytesPerSecond: pace == nil ? meter.averageRate : nil)
    }

    /// Performs the actions of the state machine until it ends.
    private func perform(
        _ upload: PendingUpload, metering meter: UploadMeter, status: @Sendable () async throws(StageError) -> Report
    ) async throws(StageError) -> Outcome {
        var session = UploadSession(plan: upload.plan, committed: upload.committed)
        var sender = ChunkSender(
            upload: upload, transport: transport, clock: clock, pace: pace, meter: meter, start: session.committed)
        meter.report(position: session.committed)
        var action = session.start()
        while true {
            if Task.isCancelled { throw .cancelled }
            switch action {
            case .done: return .complete
            case .fail(let failure): return try Self.outcome(of: failure, in: session)
            case .askStatus(let attempt):
                meter.interrupt()
                let delay = ExponentialBackoff.upload.delay(afterAttempt: attempt, random: random())
                try await clock.pause(for: sender.takeRetryAfter() ?? delay)
                action = session.handle(UploadSession.Event(try await status()))
            case .send(let range):
                switch try await sender.send(range, committed: session.committed) {
                case .event(let event): action = session.handle(event)
                case .refused(let error): return Self.refused(error, in: session)
                }
            }
        }
    }

    private static func outcome(
        of failure: UploadSession.Failure, in session: UploadSession
    ) throws(StageError) -> Outcome {
        let arrived = "\(ByteCount(session.committed)) of \(ByteCount(session.plan.size)) arrived"
        switch failure {
        case .failedByService(let reason): return .failedByService(reason: reason)
        case .urlExpired(let status):
            return .abandoned(reason: "the upload URL was no longer valid (HTTP \(status)); \(arrived)")
        case .unclear(let status):
            return .unclear(
                reason: "the upload URL was no longer valid (HTTP \(status)) after the last chunk was interrupted")
        case .rejected(let status):
            return refused(
                StageError(
                    .refused, "TikTok's upload host rejected a chunk with HTTP \(status); \(arrived)",
                    hint: "this is a bug in this program or in the host: report it with the HTTP status",
                    outcome: .failed), in: session)
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
    private static func refused(_ error: StageError, in session: UploadSession) -> Outcome {
        session.mayBeComplete
            ? .unclear(reason: "\(error.message), after the last chunk was interrupted") : .refused(error)
    }

    static let changedFile = StageError(
        .fileSystem, "the prepared file changed while it was being sent",
        hint: "run the same command again, and do not change the work folder while it runs")
}

extension UploadSession.Event {
    fileprivate init(_ report: Uploader.Report) {
        switch report {
        case .underWay(let bytes): self = .reported(uploadedBytes: bytes)
        case .finished: self = .finished
        case .failed(let reason): self = .failedByService(reason: reason)
        case .unknown: self = .statusUnknown
        }
    }
}

extension ExponentialBackoff {
    /// The delays between attempts to send a chunk or a part.
    static let upload = ExponentialBackoff(base: .milliseconds(500), cap: .seconds(30))
}
