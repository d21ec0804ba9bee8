/// The upload of one file as a pure state machine: what happened goes in, what to do next comes out.
///
/// Chunks go one after another. A byte range is sent again only when its chunk was interrupted; after every
/// interruption the service is asked first what it has.
package struct UploadSession: Sendable {
    /// What to do next.
    package enum Action: Sendable, Hashable {
        /// Send these bytes.
        case send(Range<Int64>)
        /// Wait for the back-off of this failed attempt (from 1; 0 means at once), then ask how many bytes arrived.
        case askStatus(afterAttempt: Int)
        /// All bytes arrived.
        case done
        /// It can't go on.
        case fail(Failure)
    }

    /// What happened.
    package enum Event: Sendable, Hashable {
        /// The upload host answered a chunk.
        /// - Parameters:
        ///   - status: The HTTP status.
        ///   - progress: The number in the answer's `Content-Range`; nil without one.
        case answered(status: Int, progress: Int64?)
        /// The exchange broke off; the chunk may or may not have arrived.
        case interrupted
        /// The status call told how many bytes arrived; nil when it did not say.
        case reported(uploadedBytes: Int64?)
        /// The status call said that the post is finished, which it only is when it has all bytes.
        case finished
        /// The status call failed.
        case statusUnknown
    }

    /// Why it can't go on.
    package enum Failure: Sendable, Hashable {
        /// The upload address is no longer valid, and it is certain that bytes are missing.
        case addressExpired(status: Int)
        /// The upload address is no longer valid, and nobody says whether all bytes arrived.
        case unclear(status: Int)
        /// The host refused the chunk for what it is.
        case rejected(status: Int)
        /// The host kept failing, last with this status; nil when it did not answer.
        case unavailable(status: Int?)
        /// The host and the status call contradict each other for good.
        case outOfStep
    }

    /// The plan.
    package let plan: ChunkPlan
    /// Bytes that the service is known to have; never decreases.
    package private(set) var committed: Int64

    /// Whether the last chunk may have arrived without anybody having said so: then nothing may be concluded from
    /// what is known.
    package private(set) var mayBeComplete = false

    private let attemptsPerChunk: Int
    private var current: Range<Int64>
    private var attempt = 0
    private var pending: Pending = .none

    /// What the answer to the status call decides.
    private enum Pending: Sendable, Hashable {
        case none
        /// After an interruption, a server error or a mismatch: go on, or send the chunk again.
        case resync(lastStatus: Int?)
        /// After 403 or 404, or when the attempts are used up: finished after all, or give up. `asked` counts the
        /// status calls of this decision, because the service's count may lag behind a chunk that just arrived.
        case lastResort(status: Int?, asked: Int)
    }

    /// A session.
    /// - Parameters:
    ///   - committed: Bytes that the service reported to have from an earlier attempt.
    ///   - attemptsPerChunk: How often one chunk is tried.
    package init(plan: ChunkPlan, committed: Int64 = 0, attemptsPerChunk: Int = 6) {
        self.plan = plan
        self.attemptsPerChunk = attemptsPerChunk
        self.committed = 0
        current = plan.range(at: 0)
        advance(to: plan.boundary(reportedAs: committed) ?? min(max(committed, 0), plan.size))
    }

    /// The first thing to do.
    package mutating func start() -> Action { committed == plan.size ? .done : .send(current) }

    /// Takes an event and says what to do next.
    package mutating func handle(_ event: Event) -> Action {
        switch event {
        case .answered(let status, let progress):
            if isLastChunk, status >= 500 || status == 408 || (200...299).contains(status) { mayBeComplete = true }
            return answered(status, progress)
        case .interrupted:
            if isLastChunk { mayBeComplete = true }
            return failed(lastStatus: nil)
        case .reported(let bytes):
            if bytes != nil { mayBeComplete = false }
            return reported(bytes)
        case .finished:
            committed = plan.size
            return .done
        case .statusUnknown:
            // Without the service's word nothing may be concluded: a later attempt asks again.
            if case .lastResort(let status, _) = pending { return .fail(.unavailable(status: status)) }
            return .send(current)
        }
    }

    private var isLastChunk: Bool { current.upperBound == plan.size }

    private mutating func answered(_ status: Int, _ progress: Int64?) -> Action {
        switch status {
        case 200, 201, 206:
            // 201 means that nothing is missing, 206 that something is: an answer that does not fit needs a look.
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
        case 403, 404, 410:
            pending = .lastResort(status: status, asked: 1)
            return .askStatus(afterAttempt: 0)
        case 408, 429, 500...599: return failed(lastStatus: status)
        default: return .fail(.rejected(status: status))
        }
    }

    /// Whether the number of a 206 says that the service has less than what was just sent.
    ///
    /// Whether it is a count or the last index, of the file or of the chunk, is not documented: all of them pass.
    private func reportsLoss(_ progress: Int64) -> Bool {
        let length = Int64(current.count)
        let expected = [current.upperBound, current.upperBound - 1, length, length - 1]
        return progress > 0 && progress < current.upperBound && !expected.contains(progress)
    }

    /// A chunk that did not get through for certain: ask what arrived, after a back-off.
    private mutating func failed(lastStatus: Int?) -> Action {
        attempt += 1
        guard attempt < attemptsPerChunk else {
            // Whatever the last answer was, the service's own count still decides whether anything is missing.
            pending = .lastResort(status: lastStatus, asked: 1)
            return .askStatus(afterAttempt: attempt)
        }
        pending = .resync(lastStatus: lastStatus)
        return .askStatus(afterAttempt: attempt)
    }

    private mutating func reported(_ bytes: Int64?) -> Action {
        let last = pending
        pending = .none
        if let bytes {
            if let boundary = plan.boundary(reportedAs: bytes) {
                if boundary > committed {
                    advance(to: boundary)
                    return next()
                }
            } else if bytes > committed, bytes < plan.size, case .resync(416) = last {
                // The service keeps part of a chunk and refuses the whole of it: go on at the next missing byte.
                // The status call's number is documented as a count.
                committed = bytes
                current = bytes..<plan.range(at: plan.index(containing: bytes)).upperBound
                return .send(current)
            }
        }
        guard case .lastResort(let status, let asked) = last else { return .send(current) }
        switch status {
        case .some(403), .some(404), .some(410):
            let status = status ?? 0
            guard isLastChunk else { return .fail(.addressExpired(status: status)) }
            guard bytes != nil else { return .fail(.unclear(status: status)) }
            // The last chunk was interrupted and may have arrived, which can be why its task is gone.
            if attempt > 0, asked < Self.asksBeforeGivingUp {
                pending = .lastResort(status: status, asked: asked + 1)
                return .askStatus(afterAttempt: asked + 1)
            }
            return .fail(.addressExpired(status: status))
        case .some(416): return .fail(.outOfStep)
        default: return .fail(.unavailable(status: status))
        }
    }

    private static let asksBeforeGivingUp = 4

    private mutating func advance(to offset: Int64) {
        committed = max(committed, offset)
        attempt = 0
        pending = .none
        guard committed < plan.size else {
            current = plan.size..<plan.size
            return
        }
        // Bytes in the middle of a chunk are not counted on: the chunk is sent whole.
        current = plan.range(at: plan.index(containing: committed))
        committed = current.lowerBound
    }

    private func next() -> Action { committed == plan.size ? .done : .send(current) }
}
