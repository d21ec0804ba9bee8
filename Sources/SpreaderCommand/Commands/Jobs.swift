import ArgumentParser
import Foundation
import Jobs
import PipelineKit
import SpreaderApp
import Store

struct Jobs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Manage the job queue.",
        subcommands: [
            List.self, Show.self, Retry.self, Cancel.self, Pause.self, Resume.self, Limit.self, Prune.self,
        ], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List jobs, newest first.")

        @Option(help: "Only jobs in this state; can be repeated.") var state: [String] = []
        @Option(help: "Only jobs in this queue.") var queue: String?
        @Option(help: "Maximum number to list.") var limit = 50
        @OptionGroup var database: DatabaseOption
        @OptionGroup var output: FormatOption

        func validate() throws {
            for word in state where JobState(rawValue: word) == nil {
                throw ValidationError("--state takes \(JobState.allCases.map(\.rawValue).joined(separator: ", "))")
            }
        }

        func run() async throws {
            let submitter = try await Jobs.queue(database.db)
            let jobs = try await submitter.jobs(
                states: Set(state.compactMap(JobState.init(rawValue:))), queue: queue, limit: max(1, limit))
            if output.format == .json {
                return Output.result(try JSONValue.array(jobs.map(Jobs.json)).text(pretty: true))
            }
            if jobs.isEmpty { return Output.message("no jobs") }
            Output.result(Output.table(jobs.map(Jobs.row)))
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a job in full, as JSON.")

        @Argument(help: "Job number.") var id: Int64
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let submitter = try await Jobs.queue(database.db)
            let job = try await submitter.job(id)
            guard let job else { throw Jobs.absent(id) }
            Output.result(try Jobs.json(job).text(pretty: true))
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Retry a discarded, cancelled, unconfirmed or waiting job now.",
            discussion: """
                --set and --post replace the job's options first. An unconfirmed post is looked up at TikTok, never sent \
                again.
                """)

        @Argument(help: "Job number.") var id: Int64
        @OptionGroup var overrides: OverrideOptions
        @Option(help: "New priority from 0 to 9.") var priority: Int?
        @OptionGroup var database: DatabaseOption

        func validate() throws { _ = try selection() }

        private func selection() throws -> PipelineSelection {
            try PipelineSelection.checked(file: "", inputs: [], set: overrides.set, post: overrides.post)
        }

        func run() async throws {
            let options = try selection().words
            try await Jobs.change(id, database.db, "is running or done") { (submitter) throws(StageError) in
                try await submitter.retry(id, options: options.isEmpty ? nil : options, priority: priority)
            }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Cancel a job; a running job stops at its next heartbeat.")

        @Argument(help: "Job number.") var id: Int64
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            try await Jobs.change(id, database.db, "is done") { (submitter) throws(StageError) in
                try await submitter.cancel(id)
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Pause a queue; running jobs continue.")

        @Argument(help: "Queue name.") var queue = "default"
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let submitter = try await Jobs.queue(database.db)
            try await submitter.pause(queue)
            Output.result("queue \(queue) is paused")
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Resume a paused queue.")

        @Argument(help: "Queue name.") var queue = "default"
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let submitter = try await Jobs.queue(database.db)
            try await submitter.resume(queue)
            Output.result("queue \(queue) is resumed")
        }
    }

    struct Limit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Limit how many jobs of a queue or account run at once, across all workers.")

        @Option(help: "Limit this queue.") var queue: String?
        @Option(help: "Limit this account.") var account: String?
        @Argument(help: ArgumentHelp("Jobs at once, or none for no limit; lists the limits if omitted."))
        var jobs: String?
        @OptionGroup var database: DatabaseOption

        func validate() throws {
            guard let jobs else { return }
            guard (queue == nil) != (account == nil) else { throw ValidationError("give either --queue or --account") }
            guard jobs == "none" || Int(jobs).map({ $0 > 0 }) == true else {
                throw ValidationError("the limit must be a number above 0, or none")
            }
        }

        func run() async throws {
            let submitter = try await Jobs.queue(database.db)
            if let jobs, let scope = account.map(JobLimit.Scope.account) ?? queue.map(JobLimit.Scope.queue) {
                try await submitter.limit(scope, to: Int(jobs))
            }
            let restrictions = try await submitter.restrictions()
            let paused = restrictions.pausedQueues.map { ["queue \($0)", "paused"] }
            let limits = restrictions.limits.map { ["\($0.scope)", "\($0.capacity) at once"] }
            if paused.isEmpty, limits.isEmpty { return Output.message("no limits") }
            Output.result(Output.table(paused + limits))
        }
    }

    struct Prune: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete jobs that ended long ago; unconfirmed jobs are kept.")

        @Option(help: ArgumentHelp("Minimum age, such as 30d.", valueName: "duration")) var olderThan: String
        @OptionGroup var database: DatabaseOption

        func validate() throws {
            guard Duration(parsing: olderThan) != nil else {
                throw ValidationError("--older-than takes a duration such as 30d")
            }
        }

        func run() async throws {
            let submitter = try await Jobs.queue(database.db)
            let age = Duration(parsing: olderThan) ?? .zero
            let count = try await submitter.prune(olderThan: age)
            Output.result("\(count) \(count == 1 ? "job" : "jobs") deleted")
        }
    }

    static func queue(_ database: String?) async throws -> JobQueue {
        let settings = try await Settings.load()
        return try await JobSubmitter.open(settings, database).queue
    }

    static func absent(_ id: Int64) -> ExitCode {
        Output.message("error: job \(id) does not exist (see: spreader-pipeline jobs list)")
        return ExitCode(64)
    }

    /// Changes one job and prints its new state, or fails with `obstacle` as the reason.
    private static func change(
        _ id: Int64, _ database: String?, _ obstacle: String,
        _ body: (JobQueue) async throws(StageError) -> Job?
    ) async throws {
        let submitter = try await queue(database)
        let job = try await body(submitter)
        if let job { return Output.result(Output.table([row(job)])) }
        let known = try await submitter.job(id)
        guard let known else { throw absent(id) }
        Output.message("error: job \(id) \(obstacle) (\(known.state.rawValue))")
        throw ExitCode(64)
    }

    static func row(_ job: Job) -> [String] {
        let place = job.stage.map { stage in
            job.progress.map { "\(stage) \(Int($0 * 100)) %" } ?? stage
        }
        let more: String?
        switch job.state {
        case .executing: more = [job.worker, place].compactMap(\.self).joined(separator: "  ")
        case .scheduled, .retryable: more = "from \(job.scheduledAt.forTables)  \(job.message ?? "")"
        default: more = job.message
        }
        return [
            "\(job.id)", job.state.rawValue, "\(job.attempt)/\(job.work.maxAttempts)", job.work.name, job.work.asset,
            more ?? "",
        ]
    }

    static func json(_ job: Job) -> JSONValue {
        func time(_ date: Date?) -> JSONValue { date.map { .string($0.formatted(.iso8601)) } ?? .null }
        func text(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
        return [
            "id": .integer(job.id), "state": .string(job.state.rawValue), "pipeline": .string(job.work.pipeline),
            "asset": .string(job.work.asset), "directory": .string(job.work.directory),
            "options": .array(job.work.options.map(JSONValue.string)), "account": .string(job.work.account),
            "queue": .string(job.work.queue), "priority": .integer(Int64(job.work.priority)),
            "labels": .array(job.work.labels.map(JSONValue.string)),
            "needs": .array(job.needs.map(JSONValue.string)), "unique": text(job.work.uniqueKey),
            "attempt": .integer(Int64(job.attempt)), "maxAttempts": .integer(Int64(job.work.maxAttempts)),
            "insertedAt": time(job.insertedAt), "scheduledAt": time(job.scheduledAt),
            "attemptedAt": time(job.attemptedAt), "finishedAt": time(job.finishedAt),
            "leaseUntil": time(job.leaseUntil),
            "worker": text(job.worker), "stage": text(job.stage),
            "progress": job.progress.map(JSONValue.number) ?? .null, "message": text(job.message),
            "run": text(job.runID),
        ]
    }
}
