import ArgumentParser
import CProcess
import Foundation
import Glibc
import Jobs
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
public import PipelineKit
import SpreaderApp
import StageHosting

/// The entry point of the program. Use it to build a binary with extra stages linked in:
///
/// ```swift
/// import PipelineKit
/// import SpreaderCommand
///
/// @main enum Main {
///     static func main() { SpreaderProgram.main(adding: [StageDefinition(Slate.self)]) }
/// }
/// ```
public enum SpreaderProgram {
    /// Runs the command line of this process and exits. Call it first, on the main thread.
    /// - Parameter stages: Stages to add to the built-in ones. A stage with the name of a built-in stage replaces it.
    public static func main(adding stages: [StageDefinition] = []) -> Never {
        StageRegistry.$added.withValue(stages) {
            // The host waits for this child to start, so skip the argument parser.
            if StageChild.isThis { StageChild.serve() }
            // A job's run dies with its worker, because another worker takes the job over.
            if ProcessInfo.processInfo.environment[JobProcess.leaseSetting] != nil { spreader_die_with_parent() }
            // Child processes and other processes of the same user can read the environment this process started with.
            for name in Settings.secretNames { _ = spreader_hide_variable(name) }
            // A signal mask is inherited, and the parent may have blocked signals. This thread receives them.
            var none = sigset_t()
            sigemptyset(&none)
            pthread_sigmask(SIG_SETMASK, &none, nil)
            Task {
                await SpreaderPipeline.execute()
            }
        }
        while true { RunLoop.main.run() }
    }
}

/// The root command. Each subcommand is a file under Commands/.
struct SpreaderPipeline: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spreader-pipeline",
        abstract: "Turn raw footage into TikTok posts with one declarative pipeline.",
        discussion: """
            A pipeline is a JSON or YAML file that lists stages. To try one without an account:

              spreader-pipeline run pipelines/tiktok.json clip.mp4 --sandbox

            Exit status:
              0    every asset is done
              1    an asset failed permanently
              64   usage error
              65   invalid pipeline or footage
              69   service unavailable after retries
              75   try again later (a limit was reached)
              77   not authorised
              78   configuration error
              130  interrupted; the run can be resumed
            """,
        version: Version.current,
        groupedSubcommands: [
            CommandGroup(
                name: "Pipeline",
                subcommands: [
                    Init.self, Validate.self, Lint.self, Plan.self, Run.self, TestCommand.self, ProbeCommand.self,
                    Explain.self, Schema.self,
                ]),
            CommandGroup(name: "Run and post", subcommands: [Runs.self, Posts.self, SandboxCommand.self]),
            CommandGroup(name: "Account", subcommands: [Auth.self, Serve.self]),
            CommandGroup(
                name: "Background job", subcommands: [Enqueue.self, Watch.self, WorkerCommand.self, Jobs.self]),
            CommandGroup(name: "Stage and plugin", subcommands: [Stages.self, Plugins.self]),
            CommandGroup(name: "Maintenance", subcommands: [Doctor.self, CacheCommand.self, DatabaseCommand.self]),
        ])
}

extension SpreaderPipeline {
    /// Parses the command line, runs the command, and ends the process with its exit status.
    ///
    /// Commands throw: a `StageError` is printed here, in one place, and its outcome is the exit status.
    static func execute() async -> Never {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            exit(withError: nil)
        } catch let error as StageError {
            Output.message("error: \(error.description)")
            exit(withError: ExitCode(Int32(error.outcome.rawValue)))
        } catch {
            exit(withError: error)
        }
    }
}
