import ArgumentParser
import Foundation
import Jobs
import Logging
import PipelineKit
import ServiceLifecycle
import SpreaderApp
import Store
import UnixSignals

struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Run jobs from the queue until stopped.",
        discussion: """
            SIGTERM and SIGINT stop it gracefully: it takes no more jobs, interrupts the running ones where they can \
            resume, and returns them to the queue. With --drain, for batch schedulers, it exits once no job is ready \
            and no other worker is busy; stopped before that, it exits with 75.

            Examples:
              spreader-pipeline worker --concurrency 2
              spreader-pipeline worker --queues default,urgent --cron table.yaml
              spreader-pipeline worker --drain
            """)

    @Option(help: "Maximum number of jobs at once.") var concurrency = 1
    @Option(help: ArgumentHelp("Queues to serve, separated by commas; all if omitted.", valueName: "queues"))
    var queues: String?
    @Option(help: ArgumentHelp("Labels that this worker offers to jobs, separated by commas.", valueName: "labels"))
    var labels: String?
    @Flag(help: "Exit once no job is left to run.") var drain = false
    @Option(help: ArgumentHelp("Queue footage on the schedule in this file (docs/jobs.md).", valueName: "file"))
    var cron: String?
    @Option(help: ArgumentHelp("Time without a heartbeat after which a job is released.", valueName: "duration"))
    var lease = Duration.seconds(60)
    @Option(help: ArgumentHelp("Time that jobs may take to stop.", valueName: "duration"))
    var grace = Duration.seconds(30)
    @OptionGroup var database: DatabaseOption

    func validate() throws {
        guard (1...256).contains(concurrency) else { throw ValidationError("--concurrency takes 1 to 256") }
        guard lease >= .seconds(2) else { throw ValidationError("--lease takes a duration of 2s or more") }
    }

    func run() async throws {
        let settings = try await Settings.load()
        // The worker may start before the database server does.
        let submitter = try await JobSubmitter.open(settings, database.db, entry: .seconds(60))
        let address = try settings.database(flag: database.db).address
        let scheduler = try cron.map { path in
            let (file, findings) = CronFile.read(path)
            for finding in findings { Output.message(finding.text) }
            guard let file else { throw ExitCode(65) }
            return CronScheduler(file, submitter: submitter, settings: settings) { Output.message($0) }
        }
        var options = Worker.Options()
        options.concurrency = concurrency
        options.queues = Self.words(queues)
        options.labels = Self.words(labels)
        options.drains = drain
        options.lease = lease
        let worker = Worker(
            options: options, name: Self.name, database: address, home: settings.home.path,
            submitter: submitter, settings: settings.shared, scheduler: scheduler,
            logger: Log.make("worker", settings: settings),
            report: Self.report)
        var configuration = ServiceGroupConfiguration(
            services: [.init(service: worker, successTerminationBehavior: .gracefullyShutdownGroup)],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: Log.make("worker", settings: settings))
        configuration.maximumGracefulShutdownDuration = grace
        Output.message("worker \(Self.name): \(concurrency) at once; stop with SIGTERM")
        let group = ServiceGroup(configuration: configuration)
        do {
            try await group.run()
        } catch let error as StageError {
            // The exit status tells a batch scheduler that jobs are left.
            Output.message(error.description)
            throw ExitCode(Int32(error.outcome.rawValue))
        }
    }

    private static func words(_ text: String?) -> Set<String> {
        Set((text ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty })
    }

    /// Host name and process ID, so that the worker can be found.
    private static var name: String {
        "\(ProcessInfo.processInfo.hostName)/\(ProcessInfo.processInfo.processIdentifier)"
    }

    /// Prints one line per attempt.
    private static func report(_ held: JobLease, _ job: Job?) {
        guard let job else {
            return Output.message("job \(held.job.id)  lost: taken over by another worker, or cancelled")
        }
        let more = job.message.map { "  \($0)" } ?? ""
        Output.result("job \(job.id)  \(job.state.rawValue)  \(job.work.asset)\(more)")
    }
}
