import Foundation
import Logging
import PipelineKit
import ServiceLifecycle
import Store
import Synchronization

/// Takes jobs and runs them, until it is asked to stop or, when draining, nothing is left to begin.
struct Worker: Service {
    /// How a worker works.
    struct Options: Sendable {
        /// Jobs at once.
        var concurrency = 1
        /// Queues to serve; all when empty.
        var queues: Set<String> = []
        /// What it offers to jobs that need something.
        var labels: Set<String> = []
        /// Whether it ends when nothing is left to begin.
        var drains = false
        /// How long a job is held without a heartbeat.
        var lease = Duration.seconds(60)
        /// How often it looks for jobs without being told of any: beneath notices, where notices don't arrive, and on
        /// this machine's own file.
        var polls = (told: Duration.seconds(15), untold: Duration.seconds(2), local: Duration.seconds(1))
    }

    let options: Options
    let name: String
    /// The database, as children are told it.
    let database: Secret
    /// The data folder, as children are told it.
    let home: String
    let desk: JobDesk
    /// Settings that hold for jobs wherever they are.
    let settings: [String: String]
    /// What queues jobs by a time table; nil when there is none.
    let scheduler: CronScheduler?
    let logger: Logger
    let report: @Sendable (JobLease, Job?) -> Void

    private var queue: JobQueue { desk.queue }

    /// Works.
    /// - Throws: `StageError` with code `busy` when it was to drain the queue and was stopped before.
    func run() async throws {
        JobProcess.sweep(home: home)
        let bell = Doorbell()
        let running = Tally()
        // Whether the database tells of jobs right now.
        let isTold = Shared(false)
        let isDrained = Shared(false)
        let notices = queue.notices
        await withDiscardingTaskGroup { group in
            let isStopping = CancellationFlag()
            if let notices {
                group.addTask {
                    for await notice in notices {
                        if isStopping.isCancelled { break }
                        isTold.value = notice != .deaf
                        if notice != .deaf { bell.ring() }
                    }
                }
            }
            group.addTask { await rescueSometimes(isStopping) }
            if let scheduler { group.addTask { await scheduler.run() } }
            await withGracefulShutdownHandler {
                while !isStopping.isCancelled, !Task.isCancelled {
                    // Counted before looking: what ends meanwhile may make room for another one.
                    let busy = running.count
                    let free = options.concurrency - busy
                    let mayEnd = options.drains && busy == 0 ? await isQuiet() : false
                    let look = await look(free)
                    for lease in look.held {
                        running.add(1)
                        group.addTask {
                            await work(lease, isStopping)
                            running.add(-1)
                            bell.ring()
                        }
                    }
                    if mayEnd, look.isSure, look.held.isEmpty {
                        isDrained.value = true
                        break
                    }
                    let poll =
                        notices == nil
                        ? options.polls.local : isTold.value ? options.polls.told : options.polls.untold
                    // Full, it waits for a place; else until something comes or is due.
                    await bell.wait(atMost: free == look.held.count ? .seconds(60) : min(poll, look.pause ?? poll))
                }
                isStopping.cancel()
            } onGracefulShutdown: {
                isStopping.cancel()
                bell.ring()
            }
            // Those that still run are asked to stop, and give their jobs back.
            group.cancelAll()
        }
        guard !options.drains || isDrained.value else {
            throw StageError(.busy, "stopped before the queue was empty", outcome: .tryLater)
        }
    }

    /// Whether nobody is at work on the queues. Asked before looking: what another worker gives back comes into view then.
    private func isQuiet() async -> Bool {
        (try? await queue.unended(queues: options.queues)) == 0
    }

    /// What a look into the queue gave.
    private struct Look {
        var held: [JobLease] = []
        /// How long until the next job may begin; nil when none waits, or one is there that is not for this worker.
        var pause: Duration?
        /// Whether the database answered.
        var isSure = true
    }

    /// Takes up to so many jobs. Nothing is locked or written while there is none.
    private func look(_ count: Int) async -> Look {
        guard count > 0 else { return Look() }
        do {
            guard let pause = try await queue.nextMoment() else { return Look() }
            guard pause <= .zero else { return Look(pause: pause) }
            return Look(
                held: try await queue.claim(
                    count, worker: name, queues: options.queues, offering: options.labels, lease: options.lease))
        } catch {
            logger.warning("jobs can't be claimed", metadata: ["error": "\(error.message)"])
            return Look(isSure: false)
        }
    }

    private func rescueSometimes(_ isStopping: CancellationFlag) async {
        while !isStopping.isCancelled {
            do {
                for job in try await queue.rescue() {
                    logger.warning(
                        "a job was lost and goes on", metadata: ["job": "\(job.id)", "state": "\(job.state)"])
                }
            } catch {
                logger.warning("lost jobs can't be looked for", metadata: ["error": "\(error.message)"])
            }
            guard (try? await Task.sleep(for: options.lease / 4)) != nil else { return }
        }
    }

    /// Runs one job, and keeps it meanwhile.
    private func work(_ held: JobLease, _ isStopping: CancellationFlag) async {
        let told = JobReport()
        let attempt = Task {
            try await JobProcess(
                held: held, database: database, home: home, labels: options.labels, artifacts: desk.artifacts,
                digests: desk.digests, settings: settings, lease: options.lease
            ).run { told.take($0) }
        }
        let keeper = Task { await keep(held, told) { attempt.cancel() } }
        let outcome: JobOutcome
        do {
            let ended = try await withTaskCancellationHandler {
                try await attempt.value
            } onCancel: {
                attempt.cancel()
            }
            outcome = told.outcome(ended, attempt: held.job.attempt, isStopping: isStopping.isCancelled)
        } catch {
            outcome = Self.outcome(of: error, isStopping: isStopping.isCancelled)
        }
        // The lease is kept until the end is written.
        await finish(held, outcome, told.place.runID)
        keeper.cancel()
    }

    /// What an attempt that never began makes of the job.
    private static func outcome(of error: any Error, isStopping: Bool) -> JobOutcome {
        guard let error = error as? StageError else { return .failed(message: "\(error)", after: nil) }
        if error.code == .cancelled || isStopping { return .released }
        if case .transient(let after) = error.recovery {
            return .failed(message: error.description, after: after.map { .seconds($0) })
        }
        return .failed(message: error.description, after: nil)
    }

    private func finish(_ held: JobLease, _ outcome: JobOutcome, _ runID: String?) async {
        let queue = queue
        // Not given up on cancellation, and for as long as the database may need to come back; the number of the hold
        // keeps it from overwriting what another worker has done meanwhile.
        for attempt in 1... {
            do throws(StageError) {
                let job = try await Uncancelled.run { () throws(StageError) in
                    try await queue.end(held, outcome, random: .random(in: 0...1), runID: runID)
                }
                return report(held, job)
            } catch {
                logger.warning(
                    "the end of a job can't be written",
                    metadata: ["job": "\(held.job.id)", "error": "\(error.message)"])
                guard attempt < 8 else { return report(held, nil) }
                _ = try? await Uncancelled.run { () throws(StageError) in
                    try? await Task.sleep(for: .seconds(min(attempt, 3)))
                }
            }
        }
    }

    /// Sends heartbeats until it is cancelled.
    /// - Parameter stop: Ends the attempt: called when the job is lost, or when it is about to be, because the database
    ///   can't be reached.
    private func keep(_ held: JobLease, _ told: JobReport, stop: @escaping @Sendable () -> Void) async {
        let beat = options.lease / 4
        // Until when the job is this worker's, as far as it knows.
        let safeUntil = Shared(held.claimedAt + options.lease)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // Whatever becomes of a heartbeat: nobody may take the job over while it is still being worked on.
                while (try? await Task.sleep(for: min(.milliseconds(200), beat / 4))) != nil {
                    guard ContinuousClock.now + JobProcess.ending(of: options.lease) > safeUntil.value else { continue }
                    logger.warning("a job can't be kept", metadata: ["job": "\(held.job.id)"])
                    return stop()
                }
            }
            group.addTask {
                while (try? await Task.sleep(for: beat)) != nil {
                    let place = told.place
                    // By a clock that a stopped process does not stop.
                    let sentAt = ContinuousClock.now
                    do throws(StageError) {
                        guard
                            try await queue.heartbeat(
                                held, extending: options.lease, stage: place.stage, progress: place.progress,
                                runID: place.runID)
                        else { return stop() }
                        safeUntil.value = sentAt + options.lease
                    } catch {
                        guard error.code != .cancelled else { return }
                        logger.warning(
                            "a heartbeat failed",
                            metadata: ["job": "\(held.job.id)", "error": "\(error.message)"])
                    }
                }
            }
            await group.waitForAll()
        }
    }
}

/// Rings for whoever waits; a ring that nobody waits for is kept for the next who does.
final class Doorbell: Sendable {
    private struct State {
        var hasRung = false
        var waiting: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())

    /// Rings.
    func ring() {
        let waiting = state.withLock { state in
            state.hasRung = state.waiting == nil
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
    }

    /// Waits for a ring, or until the time is up.
    func wait(atMost time: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait() }
            group.addTask { try? await Task.sleep(for: time) }
            await group.next()
            group.cancelAll()
        }
    }

    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isThrough = state.withLock { state in
                    guard !state.hasRung, !Task.isCancelled else {
                        state.hasRung = false
                        return true
                    }
                    state.waiting = continuation
                    return false
                }
                if isThrough { continuation.resume() }
            }
        } onCancel: {
            let waiting = state.withLock { state in
                defer { state.waiting = nil }
                return state.waiting
            }
            waiting?.resume()
        }
    }
}

/// A value that tasks share.
private final class Shared<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) { state = Mutex(value) }

    var value: Value {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// How many there are of something.
private final class Tally: Sendable {
    private let value = Mutex(0)

    var count: Int { value.withLock { $0 } }
    func add(_ change: Int) { value.withLock { $0 += change } }
}
