import ArgumentParser
import Foundation
import Logging
import PipelineKit
import ServiceLifecycle
import Store
import UnixSignals

/// `worker`.
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Run jobs from the queue until stopped.",
        discussion: """
            SIGTERM and SIGINT stop it in order: it takes no more jobs, stops those that run at a point where they can go \
            on, and gives them back. With --drain it ends by itself when nothing is left to begin and nobody else is at \
            work any more, as batch schedulers expect it; stopped before, it exits with 75.
            """)

    @Option(help: "Jobs at once.") var concurrency = 1
    @Option(help: ArgumentHelp("Queues to serve, with commas; all when left out.", valueName: "queues"))
    var queues: String?
    @Option(help: ArgumentHelp("What this worker offers to jobs that need it, with commas.", valueName: "labels"))
    var labels: String?
    @Flag(help: "End when nothing is left to begin.") var drain = false
    @Option(help: ArgumentHelp("A time table of what to queue when (docs/jobs.md).", valueName: "file"))
    var cron: String?
    @Option(help: ArgumentHelp("How long a job is held without a sign of life.", valueName: "duration"))
    var lease = "60s"
    @Option(help: ArgumentHelp("How long jobs may take to stop.", valueName: "duration")) var grace = "30s"
    @Option(help: ArgumentHelp("Database: sqlite:PATH or postgres://…", valueName: "url")) var db: String?

    func validate() throws {
        guard (1...256).contains(concurrency) else { throw ValidationError("--concurrency takes 1 to 256") }
        guard let time = Duration(parsing: lease), time >= .seconds(2) else {
            throw ValidationError("--lease takes a duration of 2s or more")
        }
        guard Duration(parsing: grace) != nil else { throw ValidationError("--grace takes a duration such as 30s") }
    }

    func run() async throws {
        let settings = try await Command.settings()
        let (desk, database) = try await Command.orExit { () async throws(StageError) in
            // It may start together with the server.
            (try await JobDesk.open(settings, db, entry: .seconds(60)), try settings.database(flag: db).address)
        }
        let scheduler = try cron.map { path in
            let (file, findings) = CronFile.read(path)
            for finding in findings { Output.message(finding.text) }
            guard let file else { throw ExitCode(65) }
            return CronScheduler(
                file: file, desk: desk, settings: settings, logger: Log.make("cron", settings: settings))
        }
        var options = Worker.Options()
        options.concurrency = concurrency
        options.queues = Self.words(queues)
        options.labels = Self.words(labels)
        options.drains = drain
        options.lease = Duration(parsing: lease) ?? options.lease
        let worker = Worker(
            options: options, name: Self.name, database: database, home: settings.home.path,
            desk: desk, settings: settings.shared, scheduler: scheduler, logger: Log.make("worker", settings: settings),
            report: Self.report)
        var configuration = ServiceGroupConfiguration(
            services: [.init(service: worker, successTerminationBehavior: .gracefullyShutdownGroup)],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: Log.make("worker", settings: settings))
        configuration.maximumGracefulShutdownDuration = Duration(parsing: grace)
        Output.message("worker \(Self.name): \(concurrency) at once; stop with SIGTERM")
        let group = ServiceGroup(configuration: configuration)
        do {
            try await group.run()
        } catch let error as StageError {
            // A scheduler has to know that there is more to do.
            Output.message(error.description)
            throw ExitCode(Int32(error.outcome.rawValue))
        }
    }

    private static func words(_ text: String?) -> Set<String> {
        Set((text ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty })
    }

    /// Host and process: what a person needs to find it.
    private static var name: String {
        "\(ProcessInfo.processInfo.hostName)/\(ProcessInfo.processInfo.processIdentifier)"
    }

    /// One line an attempt.
    private static func report(_ held: JobLease, _ job: Job?) {
        guard let job else {
            return Output.message("job \(held.job.id)  lost: another worker has it, or it was called off")
        }
        let more = job.message.map { "  \($0)" } ?? ""
        Output.result("job \(job.id)  \(job.state.rawValue)  \(job.work.asset)\(more)")
    }
}
