import Foundation
package import Logging
package import PipelineKit
import ServiceLifecycle
package import Store
import Synchronization

/// Claims jobs and runs them until shutdown or, when draining, until no job is left to run.
package struct Worker: Service {
    package struct Options: Sendable {
        /// The maximum number of jobs at once.
        package var concurrency = 1
        /// Queues to serve; empty means all.
        package var queues: Set<String> = []
        /// Labels offered to jobs that need them.
        package var labels: Set<String> = []
        /// Whether to end once no job is left to run.
        package var drains = false
        /// How long a lease lasts without a heartbeat.
        package var lease = Duration.seconds(60)
        /// How often to poll for jobs: while the database sends notifications, while it does not, and for a local SQLite
        /// file.
        var polls = (told: Duration.seconds(15), untold: Duration.seconds(2), local: Duration.seconds(1))

        package init() {}
    }

    let options: Options
    let name: String
    /// The database address, passed to child processes.
    let database: Secret
    /// The data folder, passed to child processes.
    let home: String
    let submitter: JobSubmitter
    /// Settings of the worker that override those of a job's folder.
    let settings: [String: String]
    /// Queues footage on a schedule; nil without `--cron`.
    let scheduler: CronScheduler?
    let logger: Logger
    let report: @Sendable (JobLease, Job?) -> Void

    package init(
        options: Options, name: String, database: Secret, home: String, submitter: JobSubmitter,
        settings: [String: String], scheduler: CronScheduler? = nil, logger: Logger,
        report: @escaping @Sendable (JobLease, Job?) -> Void
    ) {
        self.options = options
        self.name = name
        self.database = database
        self.home = home
        self.submitter = submitter
        self.settings = settings
        self.scheduler = scheduler
        self.logger = logger
        self.report = report
    }

    private var queue: JobQueue { submitter.queue }

    /// Runs jobs until shutdown, or until the queue is drained.
    /// - Throws: `StageError` with code `busy` if a draining worker was stopped before the queue was empty.
    package func run() async throws {
        JobProcess.sweep(home: home)
        let bell = AsyncSignal()
        let running = Tally()
        // Whether notifications arrive from the database at the moment.
        let isTold = Shared(false)
        let isDrained = Shared(false)
        let notices = queue.notices
        await withDiscardingTaskGroup { group in
            let isStopping = CancellationFlag()
            if let notices {
                group.addTask {
                    for await notice in notices {
                        if isStopping.isCancelled { break }
                        isTold.value = notice != .interrupted
                        if notice != .interrupted { bell.ring() }
                    }
                }
            }
            group.addTask { await rescueSometimes(isStopping) }
            if let scheduler { group.addTask { await scheduler.run() } }
            await withGracefulShutdownHandler {
                while !isStopping.isCancelled, !Task.isCancelled {
                    // Count before claiming: a job that ends in between may make room for another.
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
                    // At capacity, wait until a job ends; otherwise until a notification, the next due job or the next poll.
                    await bell.wait(atMost: free == look.held.count ? .seconds(60) : min(poll, look.pause ?? poll))
                }
                isStopping.cancel()
            } onGracefulShutdown: {
                isStopping.cancel()
                bell.ring()
            }
            // Stops the running jobs and returns them to the queue.
            group.cancelAll()
        }
        guard !options.drains || isDrained.value else {
            throw StageError(.busy, "stopped before the queue was empty", outcome: .tryLater)
        }
    }

    /// Whether no job of the queues is being worked on. Check this before claiming: a job that another worker releases in
    /// between is then claimed and not missed.
    private func isQuiet() async -> Bool {
        (try? await queue.runningJobs(in: options.queues)) == 0
    }

    /// The result of one attempt to claim jobs.
    private struct Look {
        var held: [JobLease] = []
        /// The time until the next job is due; nil if no job waits, or if a due job is not for this worker.
        var pause: Duration?
        /// Whether the database answered.
        var isSure = true
    }

    /// Claims up to `count` jobs. Locks and writes nothing if no job is due.
    private func look(_ count: Int) async -> Look {
        guard count > 0 else { return Look() }
        do {
            guard let pause = try await queue.timeUntilNextJob() else { return Look() }
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
                        "a lost job was rescued", metadata: ["job": "\(job.id)", "state": "\(job.state)"])
                }
            } catch {
                logger.warning("lost jobs can't be rescued", metadata: ["error": "\(error.message)"])
            }
            guard (try? await Task.sleep(for: options.lease / 4)) != nil else { return }
        }
    }

    /// Runs one job and renews its lease meanwhile.
    private func work(_ held: JobLease, _ isStopping: CancellationFlag) async {
        let told = JobReport()
        let attempt = Task {
            try await JobProcess(
                held: held, database: database, home: home, labels: options.labels, artifacts: submitter.artifacts,
                digests: submitter.digests, settings: settings, lease: options.lease
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
        // Keep the lease until the outcome is written.
        await finish(held, outcome, told.place.runID)
        keeper.cancel()
    }

    /// The outcome of an attempt whose child process never started.
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
        // Shielded from cancellation, and retried while the database may come back. The lease number keeps this write from
        // overwriting the work of another worker.
        for attempt in 1... {
            do throws(StageError) {
                let job = try await withCancellationShield { () throws(StageError) in
                    try await queue.end(held, outcome, random: .random(in: 0...1), runID: runID)
                }
                return report(held, job)
            } catch {
                logger.warning(
                    "the outcome of a job can't be written",
                    metadata: ["job": "\(held.job.id)", "error": "\(error.message)"])
                guard attempt < 8 else { return report(held, nil) }
                _ = try? await withCancellationShield { () throws(StageError) in
                    try? await Task.sleep(for: .seconds(min(attempt, 3)))
                }
            }
        }
    }

    /// Sends heartbeats until the task is cancelled.
    /// - Parameter stop: Ends the attempt. Called when the lease is lost, or is about to expire because the database can't
    ///   be reached.
    private func keep(_ held: JobLease, _ told: JobReport, stop: @escaping @Sendable () -> Void) async {
        let beat = options.lease / 4
        // When the lease expires, according to the last confirmed heartbeat.
        let safeUntil = Shared(held.claimedAt + options.lease)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // Independent of the heartbeats, which may hang: stop the job before another worker can take it over.
                while (try? await Task.sleep(for: min(.milliseconds(200), beat / 4))) != nil {
                    guard ContinuousClock.now + JobProcess.ending(of: options.lease) > safeUntil.value else { continue }
                    logger.warning("a lease is about to expire", metadata: ["job": "\(held.job.id)"])
                    return stop()
                }
            }
            group.addTask {
                while (try? await Task.sleep(for: beat)) != nil {
                    let place = told.place
                    // ContinuousClock also advances while the process is suspended.
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

/// An async event: wakes the current waiter, or is remembered for the next one.
package final class AsyncSignal: Sendable {
    package init() {}

    private struct State {
        var hasRung = false
        var waiting: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())

    func ring() {
        let waiting = state.withLock { state in
            state.hasRung = state.waiting == nil
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
    }

    /// Waits for a ring or the timeout.
    package func wait(atMost time: Duration) async {
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

/// A mutable value shared between tasks.
private final class Shared<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) { state = Mutex(value) }

    var value: Value {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// A counter shared between tasks.
private final class Tally: Sendable {
    private let value = Mutex(0)

    var count: Int { value.withLock { $0 } }
    func add(_ change: Int) { value.withLock { $0 += change } }
}
