import Testing

@testable import TikTok

@Suite struct UploadSessionTests {
    let plan: ChunkPlan
    let first: Range<Int64> = 0..<10_000_000
    let second: Range<Int64> = 10_000_000..<20_000_000
    let third: Range<Int64> = 20_000_000..<30_000_001

    init() throws { plan = try ChunkPlan(size: 30_000_001) }

    @Test func sendsChunksInOrderUntilTheLastIsCreated() {
        var session = UploadSession(plan: plan)
        #expect(session.start() == .send(first))
        #expect(session.handle(.answered(status: 206, progress: 10_000_000)) == .send(second))
        #expect(session.handle(.answered(status: 206, progress: nil)) == .send(third))
        #expect(session.handle(.answered(status: 201, progress: nil)) == .done)
        #expect(session.committed == 30_000_001)
    }

    @Test(arguments: [10_000_000, 9_999_999, 0, nil] as [Int64?])
    func takesAnyReadingOfTheProgressHeader(progress: Int64?) {
        var session = UploadSession(plan: plan)
        #expect(session.handle(.answered(status: 206, progress: progress)) == .send(second))
    }

    @Test(arguments: [20_000_000, 19_999_999, 10_000_000, 9_999_999] as [Int64])
    func takesAnyReadingOfTheSecondChunksHeader(progress: Int64) {
        var session = UploadSession(plan: plan, committed: 10_000_000)
        #expect(session.start() == .send(second))
        #expect(session.handle(.answered(status: 206, progress: progress)) == .send(third))
    }

    @Test func asksBeforeItTrustsA206ThatReportsLess() {
        var session = UploadSession(plan: plan)
        #expect(session.handle(.answered(status: 206, progress: 4_000_000)) == .askStatus(afterAttempt: 1))
        #expect(session.handle(.reported(uploadedBytes: 10_000_000)) == .send(second))
    }

    @Test func takes200ForSuccess() {
        var session = UploadSession(plan: plan, committed: 20_000_000)
        #expect(session.handle(.answered(status: 200, progress: nil)) == .done)
    }

    @Test(arguments: [500, 502, 503, 504, 429, 408])
    func sendsTheSameChunkAgainAfterAServerError(status: Int) {
        var session = UploadSession(plan: plan, committed: 10_000_000)
        #expect(session.handle(.answered(status: status, progress: nil)) == .askStatus(afterAttempt: 1))
        #expect(session.handle(.reported(uploadedBytes: 10_000_000)) == .send(second))
        #expect(session.handle(.answered(status: status, progress: nil)) == .askStatus(afterAttempt: 2))
        #expect(session.handle(.reported(uploadedBytes: 10_000_000)) == .send(second))
        #expect(session.handle(.answered(status: 206, progress: nil)) == .send(third))
    }

    @Test func skipsAChunkThatArrivedAlthoughTheAnswerWasAnError() {
        var session = UploadSession(plan: plan)
        #expect(session.handle(.answered(status: 502, progress: nil)) == .askStatus(afterAttempt: 1))
        #expect(session.handle(.reported(uploadedBytes: 10_000_000)) == .send(second))
    }

    @Test func asksWhatArrivedAfterAnInterruption() {
        var session = UploadSession(plan: plan, committed: 10_000_000)
        #expect(session.handle(.interrupted) == .askStatus(afterAttempt: 1))
        #expect(session.handle(.reported(uploadedBytes: 10_000_000)) == .send(second))
        #expect(session.handle(.interrupted) == .askStatus(afterAttempt: 2))
        #expect(session.handle(.reported(uploadedBytes: 20_000_000)) == .send(third))
    }

    @Test func aLostFinalAnswerIsSuccess() {
        var session = UploadSession(plan: plan, committed: 20_000_000)
        #expect(session.handle(.interrupted) == .askStatus(afterAttempt: 1))
        #expect(session.handle(.reported(uploadedBytes: 30_000_001)) == .done)
    }

    @Test func aFinishedPostIsSuccess() {
        var session = UploadSession(plan: plan, committed: 20_000_000)
        #expect(session.handle(.interrupted) == .askStatus(afterAttempt: 1))
        #expect(session.handle(.finished) == .done)
    }

    @Test func aRejectedPostEndsTheUpload() {
        var session = UploadSession(plan: plan)
        #expect(session.handle(.interrupted) == .askStatus(afterAttempt: 1))
        #expect(session.handle(.failedByService(reason: "internal")) == .fail(.failedByService(reason: "internal")))
    }

    @Test func sendsTheChunkAgainWhenTheStatusCallFails() {
        var session = UploadSession(plan: plan)
        #expect(session.handle(.interrupted) == .askStatus(afterAttempt: 1))
        #expect(session.handle(.statusUnknown) == .send(first))
    }

    @Test func resyncsBy416Header() {
        var session = UploadSession(plan: plan)
        #expect(session.handle(.answered(status: 416, progress: 20_000_000)) == .send(third))
        #expect(session.handle(.answered(status: 416, progress: 30_000_000)) == .done)
    }

    @Test func aFinal416WithFullProgressIsSuccess() {
        var session = UploadSession(plan: plan, committed: 20_000_000)
        #expect(session.handle(.answered(status: 416, progress: nil)) == .askStatus(afterAttempt: 1))
        #expect(session.handle(.reported(uploadedBytes: 30_000_001)) == .done)
    }

    @Test func goesOnInsideAChunkWhenTheServiceKeptPartOfIt() {
        var session = UploadSession(plan: plan, committed: 10_000_000)
        #expect(session.handle(.interrupted) == .askStatus(afterAttempt: 1))
        // At first the whole chunk: what the number means is not certain.
        #expect(session.handle(.reported(uploadedBytes: 13_000_000)) == .send(second))
        #expect(session.handle(.answered(status: 416, progress: nil)) == .askStatus(afterAttempt: 2))
        #expect(session.handle(.reported(uploadedBytes: 13_000_000)) == .send(13_000_000..<20_000_000))
        #expect(session.handle(.answered(status: 206, progress: nil)) == .send(third))
    }

    @Test func givesUpForThisTimeAfterSixAttempts() {
        var session = UploadSession(plan: plan)
        for attempt in 1...5 {
            #expect(session.handle(.answered(status: 503, progress: nil)) == .askStatus(afterAttempt: attempt))
            #expect(session.handle(.reported(uploadedBytes: 0)) == .send(first))
        }
        #expect(session.handle(.answered(status: 503, progress: nil)) == .askStatus(afterAttempt: 6))
        #expect(session.handle(.reported(uploadedBytes: 0)) == .fail(.unavailable(status: 503)))
    }

    @Test func countsAttemptsPerChunk() {
        var session = UploadSession(plan: plan)
        for _ in 1...5 {
            _ = session.handle(.interrupted)
            _ = session.handle(.reported(uploadedBytes: 0))
        }
        #expect(session.handle(.answered(status: 206, progress: nil)) == .send(second))
        #expect(session.handle(.interrupted) == .askStatus(afterAttempt: 1))
    }

    @Test(arguments: [403, 404])
    func anExpiredAddressWithMissingBytesEndsTheUpload(status: Int) {
        var session = UploadSession(plan: plan, committed: 10_000_000)
        #expect(session.handle(.answered(status: status, progress: nil)) == .askStatus(afterAttempt: 0))
        #expect(session.handle(.reported(uploadedBytes: 10_000_000)) == .fail(.urlExpired(status: status)))
    }

    @Test func anExpiredAddressWithAllBytesIsSuccess() {
        var session = UploadSession(plan: plan, committed: 20_000_000)
        #expect(session.handle(.answered(status: 404, progress: nil)) == .askStatus(afterAttempt: 0))
        #expect(session.handle(.reported(uploadedBytes: 30_000_001)) == .done)
    }

    @Test func nothingIsConcludedWithoutTheServicesWord() {
        var session = UploadSession(plan: plan, committed: 20_000_000)
        #expect(session.handle(.answered(status: 403, progress: nil)) == .askStatus(afterAttempt: 0))
        #expect(session.handle(.statusUnknown) == .fail(.unavailable(status: 403)))
        var silent = UploadSession(plan: plan, committed: 20_000_000)
        #expect(silent.handle(.answered(status: 403, progress: nil)) == .askStatus(afterAttempt: 0))
        #expect(silent.handle(.reported(uploadedBytes: nil)) == .fail(.unclear(status: 403)))
    }

    @Test func asksSeveralTimesWhenTheInterruptedLastChunkMayHaveArrived() {
        var session = UploadSession(plan: plan, committed: 20_000_000)
        #expect(session.handle(.interrupted) == .askStatus(afterAttempt: 1))
        #expect(session.handle(.reported(uploadedBytes: 20_000_000)) == .send(third))
        #expect(session.handle(.answered(status: 404, progress: nil)) == .askStatus(afterAttempt: 0))
        #expect(session.handle(.reported(uploadedBytes: 20_000_000)) == .askStatus(afterAttempt: 2))
        #expect(session.handle(.reported(uploadedBytes: 30_000_001)) == .done)
    }

    @Test(arguments: [302, 400, 401, 413, 415])
    func aRefusedChunkEndsTheUpload(status: Int) {
        var session = UploadSession(plan: plan)
        #expect(session.handle(.answered(status: status, progress: nil)) == .fail(.rejected(status: status)))
    }

    @Test func anAnswerThatDoesNotFitIsLookedInto() {
        var early = UploadSession(plan: plan)
        #expect(early.handle(.answered(status: 201, progress: nil)) == .askStatus(afterAttempt: 1))
        var late = UploadSession(plan: plan, committed: 20_000_000)
        #expect(late.handle(.answered(status: 206, progress: nil)) == .askStatus(afterAttempt: 1))
        #expect(late.handle(.reported(uploadedBytes: 30_000_001)) == .done)
    }

    @Test func aReportBelowWhatIsKnownNeverSendsAnEarlierChunk() {
        var session = UploadSession(plan: plan, committed: 20_000_000)
        #expect(session.handle(.interrupted) == .askStatus(afterAttempt: 1))
        #expect(session.handle(.reported(uploadedBytes: 10_000_000)) == .send(third))
    }

    @Test(
        arguments: [(0, 0), (9_999_999, 10_000_000), (10_000_000, 10_000_000), (15_000_000, 10_000_000)]
            as [(Int64, Int64)])
    func resumesAtTheChunkThatIsNotComplete(reported: Int64, start: Int64) {
        var session = UploadSession(plan: plan, committed: reported)
        #expect(session.start() == .send(start..<(start + 10_000_000)))
    }

    @Test func remembersThatTheLastChunkMayHaveArrived() {
        var session = UploadSession(plan: plan, committed: 10_000_000)
        _ = session.handle(.interrupted)
        #expect(!session.mayBeComplete)
        _ = session.handle(.reported(uploadedBytes: 20_000_000))
        _ = session.handle(.interrupted)
        #expect(session.mayBeComplete)
        _ = session.handle(.statusUnknown)
        #expect(session.mayBeComplete)
        _ = session.handle(.interrupted)
        _ = session.handle(.reported(uploadedBytes: 20_000_000))
        #expect(!session.mayBeComplete)
    }

    @Test func hasNothingToDoWhenAllBytesAreThere() {
        var session = UploadSession(plan: plan, committed: 30_000_001)
        #expect(session.start() == .done)
    }

    /// Whatever happens, a range is sent again only when its chunk was interrupted.
    @Test func neverSendsACommittedRangeAgain() {
        var state: UInt64 = 7
        func random(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        for _ in 0..<5_000 {
            var session = UploadSession(plan: plan)
            var server: Int64 = 0
            var action = session.start()
            loop: for _ in 0..<200 {
                switch action {
                case .done:
                    #expect(server == plan.size)
                    break loop
                case .fail: break loop
                case .askStatus:
                    action = session.handle(random(5) == 0 ? .statusUnknown : .reported(uploadedBytes: server))
                case .send(let range):
                    let accepted = range.lowerBound == server
                    switch random(4) {
                    case 0: action = session.handle(.interrupted)
                    case 1:
                        if accepted { server = range.upperBound }
                        action = session.handle(.interrupted)
                    case 2:
                        if accepted { server = range.upperBound }
                        action = session.handle(.answered(status: 502, progress: nil))
                    default:
                        guard accepted else {
                            action = session.handle(.answered(status: 416, progress: server))
                            continue
                        }
                        server = range.upperBound
                        action = session.handle(
                            .answered(status: server == plan.size ? 201 : 206, progress: server))
                    }
                }
                #expect(session.committed <= server)
            }
        }
    }
}
