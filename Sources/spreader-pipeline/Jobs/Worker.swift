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

    let queue: JobQueue
    let options: Options
    let name: String
    /// The database, as children are told it.
    let database: Secret
    /// The data folder, as children are told it.
    let home: String
    /// Content that machines share; nil when each keeps its own.
    let artifacts: (any ArtifactStore)?
    /// What queues jobs by a time table; nil when there is none.
    let scheduler: CronScheduler?
    let logger: Logger
    let report: @Sendable (JobLease, Job?) -> Void

    /// Works.
    func run() async throws {
        let bell = Doorbell()
        let running = Tally()
        let ear = Ear()
        let notices = queue.notices
        await withDiscardingTaskGroup { group in
            let isStopping = CancellationFlag()
            if let notices {
                group.addTask {
                    for await notice in notices {
                        if isStopping.isCancelled { break }
                        ear.isTold = notice != .deaf
                        if notice != .deaf { bell.ring() }
                    }
                }
            }
            group.addTask { await rescueSometimes(isStopping) }
            if let scheduler { group.addTask { await scheduler.run() } }
            await withGracefulShutdownHandler {
                while !isStopping.isCancelled, !Task.isCancelled {
                    let free = options.concurrency - running.count
                    let look = await look(free)
                    for lease in look.held {
                        running.add(1)
                        group.addTask {
                            await work(lease, isStopping)
                            running.add(-1)
                            bell.ring()
                        }
                    }
                    if options.drains, look.isSure, look.held.isEmpty, running.count == 0 { break }
                    let poll =
                        notices == nil
                        ? options.polls.local : ear.isTold ? options.polls.told : options.polls.untold
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
                held: held, database: database, home: home, labels: options.labels, artifacts: artifacts
            ).run { told.take($0) }
        }
        let keeper = Task { await keep(held, told) { attempt.cancel() } }
        let end: Result<JobOutcome, any Error>
        do {
            let ended = try await withTaskCancellationHandler {
                try await attempt.value
            } onCancel: {
                attempt.cancel()
            }
            end = .success(told.outcome(ended, attempt: held.job.attempt, isStopping: isStopping.isCancelled))
        } catch {
            end = .failure(error)
        }
        keeper.cancel()
        guard await !keeper.value else { return report(held, nil) }
        await finish(held, end, told.place.runID)
    }

    private func finish(_ held: JobLease, _ end: Result<JobOutcome, any Error>, _ runID: String?) async {
        let outcome: JobOutcome
        switch end {
        case .success(let value): outcome = value
        case .failure(let error): outcome = .failed(message: "\(error)", after: nil)
        }
        let queue = queue
        // Not given up on cancellation, and for as long as the database may need to come back.
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
                guard attempt < 6, !Task.isCancelled else { return report(held, nil) }
                try? await Task.sleep(for: .seconds(attempt))
            }
        }
    }

    /// Sends heartbeats until it is cancelled.
    /// - Parameter stop: Ends the attempt: called when the job is lost, or when it is about to be, because the database
    ///   can't be reached.
    /// - Returns: Whether the job was lost.
    private func keep(_ held: JobLease, _ told: JobReport, stop: @Sendable () -> Void) async -> Bool {
        let beat = options.lease / 4
        // By a clock that a stopped process does not stop.
        var safeUntil = ContinuousClock.now + options.lease
        while (try? await Task.sleep(for: beat)) != nil {
            let place = told.place
            do {
                let sentAt = ContinuousClock.now
                guard
                    try await queue.heartbeat(
                        held, extending: options.lease, stage: place.stage, progress: place.progress,
                        runID: place.runID)
                else {
                    stop()
                    return true
                }
                safeUntil = sentAt + options.lease
            } catch {
                if error.code == .cancelled { return false }
                logger.warning(
                    "a job can't be kept", metadata: ["job": "\(held.job.id)", "error": "\(error.message)"])
                // Nobody may take it over while it is still being worked on.
                if ContinuousClock.now + beat * 2 > safeUntil {
                    stop()
                    return true
                }
            }
        }
        return false
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

/// Whether the database tells of jobs right now.
private final class Ear: Sendable {
    private let value = Mutex(false)

    var isTold: Bool {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}

/// How many there are of something.
private final class Tally: Sendable {
    private let value = Mutex(0)

    var count: Int { value.withLock { $0 } }
    func add(_ change: Int) { value.withLock { $0 += change } }
}
