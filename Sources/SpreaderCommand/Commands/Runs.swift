import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import SpreaderApp
import StageHosting
import Store

struct Runs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, show, resume, cancel and delete runs.",
        subcommands: [List.self, Show.self, Resume.self, Cancel.self, Prune.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List runs, newest first.")

        @Option(help: "Maximum number to list.") var limit = 20
        @OptionGroup var database: DatabaseOption
        @OptionGroup var output: FormatOption

        func run() async throws {
            let assembly = try await Runs.open(database.db)
            let runs = try await assembly.journal.runs(limit: max(1, limit))
            if output.format == .json {
                return Output.result(try JSONValue.array(runs.map(Runs.json)).text(pretty: true))
            }
            if runs.isEmpty { return Output.message("no runs yet") }
            Output.result(
                Output.table(
                    runs.map { [$0.id, $0.status.rawValue, $0.pipeline, $0.startedAt.forTables] }))
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a run, its assets and their finished stages.")

        @Argument(help: "Run ID, or the start of it.") var id: String
        @OptionGroup var database: DatabaseOption
        @OptionGroup var output: FormatOption

        func run() async throws {
            let assembly = try await Runs.open(database.db)
            let run = try await Runs.find(id, assembly)
            let assets = try await assembly.journal.assets(run: run.id)
            var rows: [JSONValue] = []
            var lines = ["\(run.id)  \(run.status.rawValue)  \(run.pipeline)  \(run.path)"]
            for asset in assets {
                let stages = try await assembly.journal.stages(run: run.id, asset: asset.asset)
                lines.append("  \(asset.asset)  \(asset.status.rawValue)" + (asset.message.map { ": \($0)" } ?? ""))
                lines += stages.map { "    ✓ \($0.stage) in \(Duration.seconds($0.seconds).spoken)" }
                rows.append([
                    "asset": .string(asset.asset), "status": .string(asset.status.rawValue),
                    "message": asset.message.map(JSONValue.string) ?? .null,
                    "stages": .array(
                        stages.map {
                            ["stage": .string($0.stage), "seconds": .number($0.seconds), "artifact": $0.artifact]
                        }),
                ])
            }
            guard output.format == .json else { return Output.result(lines.joined(separator: "\n")) }
            guard case .object(var fields) = Runs.json(run) else { return }
            fields["assets"] = .array(rows)
            Output.result(try JSONValue.object(fields).text(pretty: true))
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Resume an interrupted run.")

        @Argument(help: "Run ID, or the start of it.") var id: String
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let run = try await Runs.find(id, try await Runs.open(database.db))
            if run.status == .succeeded { return Output.message("run \(run.id) has succeeded: nothing to resume") }
            guard let directory = run.command.first, FileManager.default.changeCurrentDirectoryPath(directory) else {
                Output.message("error: the folder of run \(run.id) no longer exists: \(run.command.first ?? "unknown")")
                throw ExitCode(78)
            }
            let words = Array(run.command.dropFirst())
            guard var command = try SpreaderPipeline.parseAsRoot(words) as? Run else {
                Output.message("error: run \(run.id) was not started with `run`")
                throw ExitCode(78)
            }
            // Resume with the database in which the run was found.
            if let db = database.db { command.database.db = db }
            let status = try await command.start(words: words)
            if status != 0 { throw ExitCode(Int32(status)) }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Abandon a run, so that the same command starts a new one.",
            discussion: "Deletes the work files. Posts stay online; TikTok lets an unfinished upload expire."
        )

        @Argument(help: "Run ID, or the start of it.") var id: String
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let assembly = try await Runs.open(database.db)
            let run = try await Runs.find(id, assembly)
            guard [.running, .failed, .interrupted].contains(run.status) else {
                return Output.message("run \(run.id) is \(run.status.rawValue): nothing to cancel")
            }
            try await assembly.locks.with(
                "run-\(run.fingerprint)",
                orThrow: StageError(
                    .busy, "run \(run.id) is running in another process", hint: "interrupt that process first")
            ) { () async throws(StageError) in try await Self.cancel(run, assembly) }
            Output.result("\(run.id)  cancelled")
        }

        private static func cancel(_ run: RunRecord, _ assembly: HostAssembly) async throws(StageError) {
            // The run may have ended before the lock was acquired.
            guard let now = try await assembly.journal.run(idPrefix: run.id), now.status == run.status else {
                throw StageError(.busy, "run \(run.id) has just ended", hint: "see: spreader-pipeline runs list")
            }
            try? FileManager.default.removeItem(atPath: run.workDirectory)
            try await assembly.journal.finish(
                run.id, status: .cancelled, exitStatus: StageError.Outcome.interrupted.rawValue,
                at: assembly.store.clock.now())
        }
    }

    struct Prune: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete the records and work files of old runs.",
            discussion: "Posts stay in the ledger. With SPREADER_RETENTION=90d, every run prunes when it ends.")

        @Option(help: "Minimum age, such as 90d; SPREADER_RETENTION if omitted.") var olderThan: String?
        @Flag(help: "Only show which runs would be deleted.") var dryRun = false
        @OptionGroup var database: DatabaseOption

        func validate() throws {
            if let olderThan, Retention.length(olderThan) == nil {
                throw ValidationError("--older-than takes a number of days such as 90d, not \"\(olderThan)\"")
            }
        }

        func run() async throws {
            let settings = try await Settings.load()
            let assembly = try await Runs.open(database.db)
            let setting = try Retention.setting(settings)
            guard let age = olderThan.flatMap({ Retention.length($0) }) ?? setting else {
                throw StageError(
                    .configuration, "no minimum age is given",
                    hint: "use --older-than 90d, or set SPREADER_RETENTION")
            }
            let erased = try await Retention(assembly: assembly).prune(olderThan: age, isTrial: dryRun)
            for run in erased { Output.result("\(run.id)  \(run.status.rawValue)  \(run.pipeline)") }
            let count = erased.count == 1 ? "1 run" : "\(erased.count) runs"
            Output.message(dryRun ? "\(count) would be deleted" : "\(count) deleted")
        }
    }

    static func open(_ db: String?) async throws -> HostAssembly {
        let settings = try await Settings.load()
        return try await HostAssembly.open(settings, database: db)
    }

    static func find(_ id: String, _ assembly: HostAssembly) async throws -> RunRecord {
        let run = try await assembly.journal.run(idPrefix: id)
        guard let run else {
            Output.message(
                "error: no run, or more than one, has an ID that starts with \"\(id)\" (see: spreader-pipeline runs list)"
            )
            throw ExitCode(64)
        }
        return run
    }

    static func json(_ run: RunRecord) -> JSONValue {
        [
            "run": .string(run.id), "status": .string(run.status.rawValue), "pipeline": .string(run.pipeline),
            "path": .string(run.path), "startedAt": .string(run.startedAt.formatted(.iso8601)),
            "finishedAt": run.finishedAt.map { .string($0.formatted(.iso8601)) } ?? .null,
            "exitStatus": run.exitStatus.map { .integer(Int64($0)) } ?? .null,
        ]
    }
}
