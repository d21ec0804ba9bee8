import Foundation
package import Logging
package import PipelineFile
package import PipelineKit
import Store

/// Queues footage on a schedule. Each tick is queued once, even if several workers have the same schedule.
package struct CronScheduler: Sendable {
    /// How late a missed tick may still fire, in seconds; older ones are skipped.
    private static let patience: TimeInterval = 300
    /// How often to check for due entries.
    private static let beat = Duration.seconds(5)

    package let file: CronFile
    package let submitter: JobSubmitter
    package let logger: Logger
    /// Checks the pipeline of an entry and resolves its footage.
    package let prepare: @Sendable (CronFile.Entry) async throws(StageError) -> Footage
    /// Tells the user what was queued.
    package let report: @Sendable (String) -> Void
    /// Waits between two checks; tests pass a clock of their own.
    package var clock = HostClock.system

    /// The footage that an entry queues.
    package struct Footage: Sendable {
        package var pipeline: Pipeline
        package var assets: [AssetInput]

        package init(pipeline: Pipeline, assets: [AssetInput]) {
            self.pipeline = pipeline
            self.assets = assets
        }
    }

    package init(
        file: CronFile, submitter: JobSubmitter, logger: Logger,
        prepare: @escaping @Sendable (CronFile.Entry) async throws(StageError) -> Footage,
        report: @escaping @Sendable (String) -> Void
    ) {
        self.file = file
        self.submitter = submitter
        self.logger = logger
        self.prepare = prepare
        self.report = report
    }

    /// Checks for due entries until the task is cancelled.
    package func run() async {
        var last: [String: Date] = [:]
        repeat {
            do throws(StageError) {
                // Use the database's clock: the clocks of the hosts may be wrong.
                let now = try await submitter.queue.now()
                for entry in file.entries {
                    // Also covers the ticks that this process missed while it was busy.
                    let start = last[entry.name] ?? now.addingTimeInterval(-Self.patience)
                    // Of several missed ticks, only the last one fires.
                    guard let tick = entry.cron.ticks(after: start, through: now, in: entry.zone).last else {
                        last[entry.name] = now
                        continue
                    }
                    do throws(StageError) {
                        try await fire(entry, tick.name, at: tick.date)
                        last[entry.name] = now
                    } catch {
                        if error.code == .cancelled { return }
                        logger.warning(
                            "a scheduled entry will be retried",
                            metadata: ["entry": "\(entry.name)", "error": "\(error.message)"])
                        // Retry until the tick is too old; the other entries continue.
                        if now.timeIntervalSince(tick.date) > Self.patience { last[entry.name] = now }
                    }
                }
            } catch {
                if error.code == .cancelled { return }
                logger.warning("the schedule will be checked again", metadata: ["error": "\(error.message)"])
            }
        } while (try? await clock.sleep(Self.beat)) != nil
    }

    private func fire(_ entry: CronFile.Entry, _ tick: String, at moment: Date) async throws(StageError) {
        let footage = try await prepare(entry)
        var jobs: [NewJob] = []
        for asset in footage.assets {
            var job = try await submitter.job(
                of: asset, footage.pipeline, at: entry.pipeline, options: entry.options)
            (job.queue, job.priority, job.labels) = (entry.queue, entry.priority, entry.labels)
            jobs.append(job)
        }
        guard let made = try await submitter.queue.tick("cron:\(entry.name):\(tick)", at: moment, jobs: jobs) else {
            return
        }
        report("\(entry.name): \(made.count) \(made.count == 1 ? "job" : "jobs") queued for \(tick)")
    }
}
