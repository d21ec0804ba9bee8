import PipelineKit
import SpreaderTesting
import Synchronization
import Testing

@testable import TikTok

@Suite struct StatusPollerTests {
    let clock = ManualClock()

    func poller(limit: Duration = .seconds(1800)) -> StatusPoller {
        StatusPoller(.standard, limit: limit, clock: clock.host, random: { 0.5 })
    }

    /// Answers from a list, the last one for ever.
    func answers(_ list: [Result<PublishStatus, StageError>]) -> () async throws(StageError) -> PublishStatus {
        let rest = Mutex(list)
        return { () throws(StageError) in
            try rest.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }.get()
        }
    }

    @Test func waitsLongerEachTimeUpToHalfAMinute() async throws {
        let underWay = PublishStatus(status: "PROCESSING_UPLOAD")
        let outcome = try await poller().poll(
            .direct,
            fetch: answers(
                Array(repeating: .success(underWay), count: 6) + [.success(PublishStatus(status: "PUBLISH_COMPLETE"))]))
        #expect(outcome == .done(PublishStatus(status: "PUBLISH_COMPLETE")))
        #expect(clock.waits.map { $0.inSeconds } == [2, 5, 10, 20, 30, 30, 30])
    }

    @Test func jitterStaysWithinAFifth() {
        #expect(PollSchedule.standard.delay(before: 0, random: 0).inSeconds == 1.6)
        #expect(PollSchedule.standard.delay(before: 99, random: 1).inSeconds == 36)
        #expect(PollSchedule(delays: [], jitter: 0).delay(before: 3, random: 0) == .zero)
    }

    @Test func aPostThatNeverEndsIsUndecided() async throws {
        let outcome = try await poller().poll(
            .direct, fetch: answers([.success(PublishStatus(status: "SOMETHING_NEW"))]))
        #expect(outcome == .undecided(lastStatus: "SOMETHING_NEW"))
        let total = clock.waits.reduce(0) { $0 + $1.inSeconds }
        #expect(abs(total - 1800) < 0.001)
    }

    @Test func givesTheReasonOfAFailedPost() async throws {
        let outcome = try await poller().poll(
            .direct, fetch: answers([.success(PublishStatus(status: "FAILED", failReason: "spam_risk"))]))
        #expect(outcome == .failed(reason: "spam_risk"))
    }

    @Test func survivesErrorsThatPass() async throws {
        let down = StageError(.unavailable, "down", recovery: .transient(after: nil))
        let limited = StageError(.limited, "slow down", recovery: .limited(after: 60))
        let outcome = try await poller().poll(
            .direct,
            fetch: answers([
                .failure(down), .failure(down), .failure(limited), .success(PublishStatus(status: "PUBLISH_COMPLETE")),
            ]))
        #expect(outcome == .done(PublishStatus(status: "PUBLISH_COMPLETE")))
        #expect(clock.waits.contains(.seconds(60)))
    }

    @Test func stopsWhenTheServiceStaysAwayOrRefuses() async {
        let down = StageError(.unavailable, "down", recovery: .transient(after: nil))
        await #expect(throws: down) { try await poller().poll(.direct, fetch: answers([.failure(down)])) }
        let refused = StageError(.notAuthorised, "no")
        await #expect(throws: refused) { try await poller().poll(.direct, fetch: answers([.failure(refused)])) }
    }

    @Test func backoffDoublesUpToItsCap() {
        let backoff = ExponentialBackoff.upload
        #expect(
            (0...9).map { backoff.delay(afterAttempt: $0, random: 1).inSeconds }
                == [0, 0.5, 1, 2, 4, 8, 16, 30, 30, 30])
        #expect(backoff.delay(afterAttempt: 5, random: 0) == .zero)
    }
}
