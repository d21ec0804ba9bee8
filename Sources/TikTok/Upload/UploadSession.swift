/// A pure state machine for the upload of one file: it takes events and returns the next action.
///
/// Chunks are sent in order. A byte range is sent again only if its chunk was interrupted, and only after a status call
/// that asks how many bytes have arrived.
package struct UploadSession: Sendable {
    package enum Action: Sendable, Hashable {
        case send(Range<Int64>)
        /// Wait for the backoff of this failed attempt (counted from 1; 0 means no wait), then make a status call.
        case askStatus(afterAttempt: Int)
        case done
        case fail(Failure)
    }

    package enum Event: Sendable, Hashable {
        /// The upload host responded to a chunk.
        /// - Parameters:
        ///   - status: The HTTP status.
        ///   - progress: The number in the response's `Content-Range`; nil if the header is missing.
        case answered(status: Int, progress: Int64?)
        /// The exchange failed; the chunk may or may not have arrived.
        case interrupted
        /// The status call reported how many bytes have arrived; nil if it did not say.
        case reported(uploadedBytes: Int64?)
        /// The status call reported that the post is finished, so all bytes have arrived.
        case finished
        /// The status call reported that the service rejected the post for this reason.
        case failedByService(reason: String)
        /// The status call failed.
        case statusUnknown
    }

    /// Why the upload can't continue.
    package enum Failure: Sendable, Hashable {
        /// The service rejected the post for this reason.
        case failedByService(reason: String)
        /// The upload URL is no longer valid, and bytes are certainly missing.
        case urlExpired(status: Int)
        /// The upload URL is no longer valid, and it is unknown whether all bytes have arrived.
        case unclear(status: Int)
        /// The host rejected the chunk with a status that retrying does not change.
        case rejected(status: Int)
        /// All attempts failed, the last one with this status; nil if there was no response.
        case unavailable(status: Int?)
        /// The host keeps rejecting the byte range that the status call asks for.
        case outOfStep
    }

    package let plan: ChunkPlan
    /// The number of bytes that the service is known to have. Never decreases.
    package private(set) var committed: Int64

    /// Whether the last chunk may have arrived without confirmation. If so, a failure does not prove that nothing was
    /// posted.
    package private(set) var mayBeComplete = false

    private let attemptsPerChunk: Int
    private var current: Range<Int64>
    private var attempt = 0
    private var pending: Pending = .none

    /// The decision that waits for the status call.
    private enum Pending: Sendable, Hashable {
        case none
        /// After an interruption, a server error or a mismatch: continue after the reported bytes, or resend the chunk.
        case resync(lastStatus: Int?)
        /// After 403, 404 or 410, or after the last attempt: finish or fail. `asked` counts the status calls made for
        /// this decision, because the service's count may lag behind a chunk that has just arrived.
        case lastResort(status: Int?, asked: Int)
    }

    /// Creates a session.
    /// - Parameters:
    ///   - committed: The number of bytes that the service has from an earlier attempt.
    ///   - attemptsPerChunk: The maximum number of attempts for one chunk.
    package init(plan: ChunkPlan, committed: Int64 = 0, attemptsPerChunk: Int = 6) {
        self.plan = plan
        self.attemptsPerChunk = attemptsPerChunk
        self.committed = 0
        current = plan.range(at: 0)
        advance(to: plan.boundary(reportedAs: committed) ?? min(max(committed, 0), plan.size))
    }

    /// Returns the first action.
    package mutating func start() -> Action { committed == plan.size ? .done : .send(current) }

    /// Processes an event and returns the next action.
    package mutating func handle(_ event: Event) -> Action {
        switch event {
        case .answered(let status, let progress):
            if isLastChunk, status >= 500 || status == 408 || (200...299).contains(status) { mayBeComplete = true }
            return answered(status, progress: progress)
        case .interrupted:
            if isLastChunk { mayBeComplete = true }
            return failed(lastStatus: nil)
        case .reported(let bytes):
            if bytes != nil { mayBeComplete = false }
            return reported(bytes)
        case .finished:
            committed = plan.size
            return .done
        case .failedByService(let reason): return .fail(.failedByService(reason: reason))
        case .statusUnknown:
            // Without a status nothing is certain: a later attempt asks again.
            if case .lastResort(let status, _) = pending { return .fail(.unavailable(status: status)) }
            return .send(current)
        }
    }

    private var isLastChunk: Bool { current.upperBound == plan.size }

    private mutating func answered(_ status: Int, progress: Int64?) -> Action {
        switch status {
        case 200, 201, 206:
            // 201 means complete, 206 incomplete. If the status contradicts the chunk, ask for the real progress.
            let isLast = isLastChunk
            if (status == 201 && !isLast) || (status == 206 && isLast) { return failed(lastStatus: status) }
            if !isLast, attempt == 0, let progress, reportsLoss(progress) { return failed(lastStatus: status) }
            advance(to: current.upperBound)
            return next()
        case 416:
            if let progress, let boundary = plan.boundary(reportedAs: progress), boundary > committed {
                advance(to: boundary)
                return next()
            }
            return failed(lastStatus: status)
        case _ where Self.expiredStatuses.contains(status):
            pending = .lastResort(status: status, asked: 1)
            return .askStatus(afterAttempt: 0)
        case 408, 429, 500...599: return failed(lastStatus: status)
        default: return .fail(.rejected(status: status))
        }
    }

    /// Whether the number in a 206 response means that the service has less than was just sent.
    ///
    /// TikTok does not document whether it is a count or a last index, of the file or of the chunk, so accept all four.
    private func reportsLoss(_ progress: Int64) -> Bool {
        let length = Int64(current.count)
        let expected = [current.upperBound, current.upperBound - 1, length, length - 1]
        return progress > 0 && progress < current.upperBound && !expected.contains(progress)
    }

    /// Handles a chunk that may not have arrived: asks for the progress after a backoff.
    private mutating func failed(lastStatus: Int?) -> Action {
        attempt += 1
        guard attempt < attemptsPerChunk else {
            // The service's own count still decides whether bytes are missing, whatever the last response was.
            pending = .lastResort(status: lastStatus, asked: 1)
            return .askStatus(afterAttempt: attempt)
        }
        pending = .resync(lastStatus: lastStatus)
        return .askStatus(afterAttempt: attempt)
    }

    private mutating func reported(_ bytes: Int64?) -> Action {
        let decision = pending
        pending = .none
        if let bytes, let action = progressed(to: bytes, pending: decision) { return action }
        guard case .lastResort(let status, let asked) = decision else { return .send(current) }
        switch status {
        case let status? where Self.expiredStatuses.contains(status):
            return expired(status, isCounted: bytes != nil, asked: asked)
        case 416?: return .fail(.outOfStep)
        default: return .fail(.unavailable(status: status))
        }
    }

    /// Continues after newly reported bytes. Returns nil if the service has no more than is known.
    private mutating func progressed(to bytes: Int64, pending decision: Pending) -> Action? {
        if let boundary = plan.boundary(reportedAs: bytes) {
            guard boundary > committed else { return nil }
            advance(to: boundary)
            return next()
        }
        guard bytes > committed, bytes < plan.size, case .resync(416) = decision else { return nil }
        // The service kept part of the chunk and rejects the whole: continue at the next missing byte. The
        // documentation defines the status call's number as a count.
        committed = bytes
        current = bytes..<plan.range(at: plan.index(containing: bytes)).upperBound
        return .send(current)
    }

    /// Ends the upload because its URL is gone, or asks again whether the last chunk has arrived.
    /// - Parameter isCounted: Whether the status call said how many bytes have arrived.
    private mutating func expired(_ status: Int, isCounted: Bool, asked: Int) -> Action {
        guard isLastChunk else { return .fail(.urlExpired(status: status)) }
        guard isCounted else { return .fail(.unclear(status: status)) }
        // The last chunk was interrupted and may have arrived, which may be why the URL is gone.
        if attempt > 0, asked < Self.asksBeforeGivingUp {
            pending = .lastResort(status: status, asked: asked + 1)
            return .askStatus(afterAttempt: asked + 1)
        }
        return .fail(.urlExpired(status: status))
    }

    /// The statuses of an upload URL that is no longer valid.
    private static let expiredStatuses: Set = [403, 404, 410]
    private static let asksBeforeGivingUp = 4

    private mutating func advance(to offset: Int64) {
        committed = max(committed, offset)
        attempt = 0
        pending = .none
        guard committed < plan.size else {
            current = plan.size..<plan.size
            return
        }
        // Do not rely on a partly received chunk: send it whole.
        current = plan.range(at: plan.index(containing: committed))
        committed = current.lowerBound
    }

    private func next() -> Action { committed == plan.size ? .done : .send(current) }
}
