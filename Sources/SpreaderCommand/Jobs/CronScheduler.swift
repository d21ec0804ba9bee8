import Foundation
import Logging
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting
import Store

/// Queues footage on a schedule. Each tick is queued once, even if several workers have the same schedule.
struct CronScheduler: Sendable {
    /// How late a missed tick may still fire, in seconds; older ones are skipped.
    private static let patience: TimeInterval = 300
    /// How often to check for due entries.
    private static let beat = Duration.seconds(5)

    let file: CronFile
    let desk: JobSubmitter
    let settings: Settings
    let logger: Logger

    /// Checks for due entries until the task is cancelled.
    func run() async {
        var last: [String: Date] = [:]
        repeat {
            do throws(StageError) {
                // Use the database's clock: the clocks of the hosts may be wrong.
                let now = try await desk.queue.now()
                for entry in file.entries {
                    // Also covers the ticks that this process missed while it was busy.
                    let start = last[entry.name] ?? now.addingTimeInterval(-Self.patience)
                    // Of several missed ticks, only the last one fires.
                    guard let tick = entry.cron.ticks(after: start, through: now, in: entry.zone).last else {
                        last[entry.name] = now
                        continue
                    }
                    do throws(StageError) {
                        try await fire(entry, tick.name, tick.moment)
                        last[entry.name] = now
                    } catch {
                        if error.code == .cancelled { return }
                        logger.warning(
                            "a scheduled entry will be retried",
                            metadata: ["entry": "\(entry.name)", "error": "\(error.message)"])
                        // Retry until the tick is too old; the other entries continue.
                        if now.timeIntervalSince(tick.moment) > Self.patience { last[entry.name] = now }
                    }
                }
            } catch {
                if error.code == .cancelled { return }
                logger.warning("the schedule will be checked again", metadata: ["error": "\(error.message)"])
            }
        } while (try? await Task.sleep(for: Self.beat)) != nil
    }

    private func fire(_ entry: CronFile.Entry, _ name: String, _ moment: Date) async throws(StageError) {
        let document = PipelineDocument.read(entry.pipeline)
        let checked: CheckedRun
        do {
            checked = try await StageHost.with(settings, .named(document.stageNames)) { host in
                await CheckedRun.load(
                    document, inputs: entry.inputs, registry: host.registry, settings: settings,
                    credentials: await Command.credentials(settings, nil))
            }
        } catch {
            throw error as? StageError ?? StageError(.internalFault, "the stages can't be loaded: \(error)")
        }
        guard let pipeline = checked.pipeline else {
            let words = checked.findings.map(\.text).joined(separator: "; ")
            throw StageError(.invalidOption, "entry \"\(entry.name)\" can't be queued: \(words)")
        }
        let given = zip(entry.options, entry.options.dropFirst()).filter { $0.0 == "--set" }.map(\.1)
        let overrides = (try? PipelineArguments.overrides(set: given, post: [])) ?? []
        if let error = checked.secretRefusal(overrides, keeper: "job") { throw error }
        for finding in checked.findings where finding.subject == .footage { Output.message(finding.text) }
        var jobs: [NewJob] = []
        for asset in checked.assets {
            var job = try await desk.job(of: asset, pipeline, at: entry.pipeline, options: entry.options)
            (job.queue, job.priority, job.labels) = (entry.queue, entry.priority, entry.labels)
            jobs.append(job)
        }
        guard let made = try await desk.queue.tick("cron:\(entry.name):\(name)", at: moment, jobs: jobs) else { return }
        Output.message("\(entry.name): \(made.count) \(made.count == 1 ? "job" : "jobs") queued for \(name)")
    }
}
