import Foundation
import PipelineKit
import SpreaderTesting
import Synchronization
import Testing

@testable import Store

/// What jobs promise, on every database that keeps them.
@Suite(.serialized) struct JobQueueTests {
    /// Runs `body` on an empty queue whose time moves by hand.
    private func withQueue(
        _ backend: Backend, _ body: (JobQueue, TestTime) async throws -> Void
    ) async throws {
        let time = TestTime()
        let database = try await TestDatabase(backend)
        try await body(JobQueue(try database.store(time)), time)
        withExtendedLifetime(database) {}
    }

    private func work(_ asset: String = "/in/a.mov", _ change: (inout NewJob) -> Void = { _ in }) -> NewJob {
        var job = NewJob(pipeline: "/p/tiktok.json", name: "tiktok", asset: asset, directory: "/")
        change(&job)
        return job
    }

    private let leaseDuration = Duration.seconds(30)

    private func claimOne(_ queue: JobQueue, worker: String = "w1") async throws -> JobLease? {
        try await queue.claim(1, worker: worker, lease: leaseDuration).first
    }

    @Test(arguments: Backend.all) func aJobIsMadeClaimedAndDone(backend: Backend) async throws {
        try await withQueue(backend) { queue, time in
            let made = try await queue.insert([
                work { $0.options = ["--post", "title=Grüße 😀"] }, work("/in/b.mov"),
            ])
            #expect(made.map(\.isNew) == [true, true])
            #expect(made[0].job.state == .available)
            let lease = try #require(try await claimOne(queue))
            #expect(lease.job.id == made[0].job.id)
            #expect(lease.job.work.options == ["--post", "title=Grüße 😀"])
            #expect(lease.job.attempt == 1)
            #expect(lease.job.worker == "w1")
            time.advance(by: 10)
            #expect(
                try await queue.heartbeat(lease, extending: leaseDuration, stage: "upload", progress: 0.5, runID: "r1"))
            let running = try #require(try await queue.job(lease.job.id))
            #expect(running.state == .executing && running.stage == "upload" && running.progress == 0.5)
            #expect(running.leaseUntil == time.now.addingTimeInterval(30))
            let done = try await queue.end(lease, .completed(message: "https://…"), random: 0)
            #expect(done?.state == .completed && done?.finishedAt == time.now && done?.runID == "r1")
            #expect(try await queue.counts() == [.completed: 1, .available: 1])
            // What is done is over: nobody can end or keep it again.
            #expect(try await queue.end(lease, .released, random: 0) == nil)
            #expect(try await !queue.heartbeat(lease, extending: leaseDuration))
        }
    }

    @Test(arguments: Backend.all) func prioritiesAndThenAgeDecide(backend: Backend) async throws {
        try await withQueue(backend) { queue, time in
            _ = try await queue.insert([work("/1") { $0.priority = 5 }])
            time.advance(by: 1)
            _ = try await queue.insert([work("/2"), work("/3")])
            time.advance(by: 1)
            _ = try await queue.insert([work("/4") { $0.priority = 5 }])
            let order = try await queue.claim(9, worker: "w", lease: leaseDuration).map(\.job.work.asset)
            #expect(order == ["/2", "/3", "/1", "/4"])
        }
    }

    @Test(arguments: Backend.all) func aScheduledJobWaitsForItsMoment(backend: Backend) async throws {
        try await withQueue(backend) { queue, time in
            let made = try await queue.insert([work { $0.scheduledAt = time.now.addingTimeInterval(60) }])
            #expect(made[0].job.state == .scheduled)
            #expect(try await claimOne(queue) == nil)
            #expect(try await queue.timeUntilNextJob() == .seconds(60))
            time.advance(by: 60)
            #expect(try await queue.timeUntilNextJob() == .zero)
            #expect(try await claimOne(queue)?.job.attempt == 1)
            #expect(try await queue.timeUntilNextJob() == nil)
        }
    }

    @Test(arguments: Backend.all) func aKeyBelongsToOneUnfinishedJob(backend: Backend) async throws {
        try await withQueue(backend) { queue, _ in
            let first = try await queue.insert([work { $0.uniqueKey = "k" }])[0].job
            let second = try await queue.insert([work("/other") { $0.uniqueKey = "k" }])[0]
            #expect(!second.isNew && second.job == first)
            let lease = try #require(try await claimOne(queue))
            #expect(try await !queue.insert([work { $0.uniqueKey = "k" }])[0].isNew)
            _ = try await queue.end(lease, .discarded(message: "bad"), random: 0)
            // Finished, it makes room; then the first one can't come back.
            #expect(try await queue.insert([work { $0.uniqueKey = "k" }])[0].isNew)
            await #expect(throws: StageError.self) { try await queue.retry(first.id) }
        }
    }

    @Test(arguments: Backend.all) func failuresBackOffAndEndAside(backend: Backend) async throws {
        try await withQueue(backend) { queue, time in
            let id = try await queue.insert([work { $0.maxAttempts = 3 }])[0].job.id
            for (attempt, wait) in [(1, 17.0), (2, 19)] {
                let lease = try #require(try await claimOne(queue))
                #expect(lease.job.attempt == attempt)
                let failed = try await queue.end(lease, .failed(message: "no line", after: nil), random: 0)
                #expect(failed?.state == .retryable && failed?.message == "no line")
                #expect(failed?.scheduledAt == time.now.addingTimeInterval(wait))
                time.advance(by: wait - 0.001)
                #expect(try await claimOne(queue) == nil)
                time.advance(by: 0.001)
            }
            let lease = try #require(try await claimOne(queue))
            #expect(try await queue.end(lease, .failed(message: "no line", after: nil), random: 0)?.state == .discarded)
            // Put aside, it can be mended and tried once more.
            let again = try await queue.retry(id, options: ["--no-cache"], priority: 2)
            #expect(again?.state == .available && again?.work.options == ["--no-cache"] && again?.work.maxAttempts == 4)
            #expect(try await claimOne(queue)?.job.attempt == 4)
        }
    }

    @Test(arguments: Backend.all) func whatTheServiceAsksForWins(backend: Backend) async throws {
        try await withQueue(backend) { queue, time in
            _ = try await queue.insert([work()])
            let lease = try #require(try await claimOne(queue))
            let failed = try await queue.end(lease, .failed(message: "busy", after: .seconds(120)), random: 1)
            #expect(failed?.scheduledAt == time.now.addingTimeInterval(120))
        }
    }

    @Test(arguments: Backend.all) func snoozingAndGivingBackCostNoAttempt(backend: Backend) async throws {
        try await withQueue(backend) { queue, time in
            _ = try await queue.insert([work()])
            let first = try #require(try await claimOne(queue))
            let snoozed = try await queue.end(first, .snoozed(message: "scheduled", for: .seconds(50)), random: 0)
            #expect(snoozed?.state == .scheduled && snoozed?.attempt == 0)
            time.advance(by: 50)
            let second = try #require(try await claimOne(queue))
            #expect(second.job.attempt == 1)
            let released = try await queue.end(second, .released, random: 0)
            #expect(released?.state == .available && released?.attempt == 0)
            #expect(try await claimOne(queue) != nil)
        }
    }

    @Test(arguments: Backend.all) func aSilentWorkerLosesItsJob(backend: Backend) async throws {
        try await withQueue(backend) { queue, time in
            _ = try await queue.insert([work { $0.maxAttempts = 2 }])
            let first = try #require(try await claimOne(queue))
            time.advance(by: 29)
            #expect(try await queue.rescue().isEmpty)
            #expect(try await queue.heartbeat(first, extending: leaseDuration))
            time.advance(by: 29)
            #expect(try await queue.rescue().isEmpty)
            time.advance(by: 2)
            #expect(try await queue.rescue().map(\.state) == [.retryable])
            // The first worker wakes up: whatever it says, the job is not its own.
            #expect(try await !queue.heartbeat(first, extending: leaseDuration))
            let second = try #require(try await claimOne(queue, worker: "w2"))
            #expect(second.number > first.number)
            #expect(try await queue.end(first, .completed(message: nil), random: 0) == nil)
            #expect(try await queue.job(first.job.id)?.worker == "w2")
            time.advance(by: 31)
            let lost = try await queue.rescue()
            #expect(lost.map(\.state) == [.discarded])
            #expect(lost.first?.message == "the worker w2 was lost")
        }
    }

    @Test(arguments: Backend.all) func aCancelledJobIsTakenFromItsWorker(backend: Backend) async throws {
        try await withQueue(backend) { queue, _ in
            _ = try await queue.insert([work(), work("/b")])
            let lease = try #require(try await claimOne(queue))
            #expect(try await queue.cancel(lease.job.id)?.state == .cancelled)
            #expect(try await !queue.heartbeat(lease, extending: leaseDuration))
            #expect(try await queue.cancel(lease.job.id) == nil)
            #expect(try await queue.retry(lease.job.id)?.state == .available)
            #expect(try await queue.cancel(999) == nil)
        }
    }

    @Test(arguments: Backend.all) func anUnconfirmedJobStaysUntilAPersonDecides(backend: Backend) async throws {
        try await withQueue(backend) { queue, time in
            _ = try await queue.insert([work { $0.uniqueKey = "k" }])
            let lease = try #require(try await claimOne(queue))
            _ = try await queue.end(lease, .unconfirmed(message: "no answer"), random: 0)
            time.advance(by: 1e6)
            #expect(try await claimOne(queue) == nil)
            #expect(try await queue.prune(olderThan: .seconds(1)) == 0)
            #expect(try await !queue.insert([work { $0.uniqueKey = "k" }])[0].isNew)
            #expect(try await queue.retry(lease.job.id)?.state == .available)
        }
    }

    @Test(arguments: Backend.all) func queuesAndAccountsHaveTheirCapacity(backend: Backend) async throws {
        try await withQueue(backend) { queue, _ in
            _ = try await queue.insert([
                work("/1") { $0.account = "a" }, work("/2") { $0.account = "a" }, work("/3") { $0.account = "b" },
                work("/4") { $0.queue = "slow" }, work("/5") { $0.queue = "slow" },
            ])
            try await queue.limit(.account("a"), to: 1)
            try await queue.limit(.queue("slow"), to: 0)
            let first = try await queue.claim(9, worker: "w", lease: leaseDuration)
            #expect(first.map(\.job.work.asset) == ["/1", "/3"])
            _ = try await queue.end(first[0], .completed(message: nil), random: 0)
            #expect(try await claimOne(queue)?.job.work.asset == "/2")
            try await queue.limit(.queue("slow"), to: nil)
            #expect(try await queue.claim(9, worker: "w", lease: leaseDuration).count == 2)
            #expect(try await queue.restrictions().limits == [JobLimit(.account("a"), capacity: 1)])
        }
    }

    @Test(arguments: Backend.all) func labelsAndQueuesChooseTheWorker(backend: Backend) async throws {
        try await withQueue(backend) { queue, _ in
            _ = try await queue.insert([
                work("/1") { $0.labels = ["gpu", "egress"] }, work("/2") { $0.queue = "night" }, work("/3"),
            ])
            let plain = try await queue.claim(
                9, worker: "w", queues: ["default"], offering: ["gpu"], lease: leaseDuration)
            #expect(plain.map(\.job.work.asset) == ["/3"])
            let able = try await queue.claim(9, worker: "w", offering: ["egress", "gpu", "x"], lease: leaseDuration)
            #expect(able.map(\.job.work.asset) == ["/1", "/2"])
            #expect(able.first?.job.work.labels == ["egress", "gpu"])
        }
    }

    @Test(arguments: Backend.all) func manyWorkersTakeEachJobOnce(backend: Backend) async throws {
        try await withQueue(backend) { queue, _ in
            _ = try await queue.insert((0..<60).map { work("/\($0)") })
            let taken = try await withThrowingTaskGroup(of: [Int64].self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        var ids: [Int64] = []
                        while let lease = try await queue.claim(2, worker: "w\(worker)", lease: .seconds(30)).nonEmpty {
                            ids += lease.map(\.job.id)
                        }
                        return ids
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(taken.count == 60 && Set(taken).count == 60)
        }
    }

    @Test(arguments: Backend.all) func aTickMakesItsJobsOnce(backend: Backend) async throws {
        try await withQueue(backend) { queue, time in
            let moment = time.now
            let results = try await withThrowingTaskGroup(of: [Job]?.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        try await queue.tick(
                            "friday", at: moment,
                            jobs: [NewJob(pipeline: "/p", name: "p", asset: "/a", directory: "/")])
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results.compactMap(\.self).count == 1)
            // The name decides: in an hour that comes twice it is the same, an hour later.
            #expect(try await queue.tick("friday", at: moment.addingTimeInterval(3600), jobs: []) == nil)
            #expect(try await queue.tick("saturday", at: moment, jobs: [])?.isEmpty == true)
            #expect(try await queue.jobs(limit: 9).count == 1)
        }
    }

    @Test(arguments: Backend.all) func oldJobsAreErased(backend: Backend) async throws {
        try await withQueue(backend) { queue, time in
            _ = try await queue.insert([work(), work("/b")])
            let lease = try #require(try await claimOne(queue))
            _ = try await queue.end(lease, .completed(message: nil), random: 0)
            time.advance(by: 100)
            #expect(try await queue.prune(olderThan: .seconds(101)) == 0)
            #expect(try await queue.prune(olderThan: .seconds(99)) == 1)
            #expect(try await queue.jobs(states: [.available], queue: "default", limit: 5).count == 1)
            #expect(try await queue.jobs(states: [.completed], limit: 5).isEmpty)
        }
    }

    @Test(arguments: Backend.all) func aPausedQueueKeepsItsLimit(backend: Backend) async throws {
        try await withQueue(backend) { queue, _ in
            _ = try await queue.insert([work(), work("/b"), work("/c")])
            try await queue.limit(.queue("default"), to: 2)
            try await queue.pause("default")
            #expect(try await queue.claim(9, worker: "w", lease: leaseDuration).isEmpty)
            try await queue.resume("default")
            #expect(try await queue.claim(9, worker: "w", lease: leaseDuration).count == 2)
        }
    }

    @Test(arguments: Backend.all) func aPauseIsNoLimitAndALimitOfZeroIsNoPause(backend: Backend) async throws {
        try await withQueue(backend) { queue, _ in
            try await queue.pause("default")
            try await queue.limit(.queue("slow"), to: 0)
            let restrictions = try await queue.restrictions()
            #expect(restrictions.pausedQueues == ["default"])
            #expect(restrictions.limits == [JobLimit(.queue("slow"), capacity: 0)])
            try await queue.resume("default")
            #expect(try await queue.restrictions().pausedQueues.isEmpty)
        }
    }

    @Test(arguments: Backend.all) func aStageGoesToAWorkerThatOffersWhatItAsksFor(backend: Backend) async throws {
        try await withQueue(backend) { queue, _ in
            let files = JobFootage(files: [.init(name: "1.mp4", digest: "d"), .init(name: "1.srt", digest: "e")])
            _ = try await queue.insert([
                work {
                    $0.labels = ["cpu"]
                    $0.footage = files
                }
            ])
            let first = try #require(
                try await queue.claim(1, worker: "a", offering: ["cpu"], lease: leaseDuration).first)
            #expect(first.job.work.footage == files)
            let waiting = try #require(try await queue.end(first, .handedOver(needs: ["egress"]), random: 0))
            #expect(waiting.state == .available && waiting.attempt == 0 && waiting.needs == ["egress"])
            #expect(try await queue.claim(1, worker: "a", offering: ["cpu"], lease: leaseDuration).isEmpty)
            #expect(try await queue.claim(1, worker: "b", offering: ["egress"], lease: leaseDuration).isEmpty)
            let second = try #require(
                try await queue.claim(1, worker: "c", offering: ["cpu", "egress", "more"], lease: leaseDuration).first)
            #expect(second.job.attempt == 1)
            // A failure leaves it with those who can do the stage.
            let failed = try #require(
                try await queue.end(second, .failed(message: "m", after: .zero), random: 0))
            #expect(failed.needs == ["egress"])
        }
    }

    @Test(.enabled(if: PrivatePostgres.isAvailable, "PostgreSQL is not installed"), .timeLimit(.minutes(10)))
    func aServerTellsOfNewJobs() async throws {
        try await withQueue(.postgresql) { queue, _ in
            var notices = try #require(queue.notices).makeAsyncIterator()
            // What came before is found by looking.
            #expect(await notices.next() == .listening)
            let notice = Task {
                var notices = notices
                return await notices.next()
            }
            _ = try await queue.insert([work()])
            #expect(await notice.value == .notified)
        }
    }

    @Test func theBackOffIsObans() {
        #expect(
            [1, 2, 5, 10].map { JobBackoff.delay(afterAttempt: $0, random: 0) }
                == [17, 19, 47, 1039].map { .seconds($0) })
        #expect(JobBackoff.delay(afterAttempt: 1, random: 1) == .seconds(17 * 1.1))
        #expect(JobBackoff.delay(afterAttempt: 99, random: 0) == JobBackoff.delay(afterAttempt: 20, random: 0))
    }
}

extension Array {
    fileprivate var nonEmpty: Self? { isEmpty ? nil : self }
}
