import ArgumentParser
import CProcess
import Foundation
import Glibc
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
public import PipelineKit
import StageHosting

/// The whole program, for whoever builds one with more stages linked in:
///
/// ```swift
/// import PipelineKit
/// import SpreaderCommand
///
/// @main enum Main {
///     static func main() { SpreaderProgram.main(adding: [StageType(Slate.self)]) }
/// }
/// ```
public enum SpreaderProgram {
    /// Reads the command line of this process and does what it says. To be called first, on the first thread.
    /// - Parameter stages: Stages of one's own, beside those that come with the program. One with the name of another
    ///   takes its place.
    public static func main(adding stages: [StageType] = []) -> Never {
        StageRegistry.$added.withValue(stages) {
            // A child is waited for: it needs no help texts, nor a parser of its one argument.
            if StageChild.isThis { StageChild.serve() }
            // A job's run ends with its worker: another one will have the job by then.
            if ProcessInfo.processInfo.environment[JobProcess.leaseSetting] != nil { spreader_die_with_parent() }
            // Processes of the same user can read the environment that this one was started with, and so could a child.
            for name in Settings.secretNames { _ = spreader_hide_variable(name) }
            // What started it may have blocked signals for its own reasons; this thread is where they arrive.
            var none = sigset_t()
            sigemptyset(&none)
            pthread_sigmask(SIG_SETMASK, &none, nil)
            Task {
                await SpreaderPipeline.main()
                exit(0)
            }
        }
        while true { RunLoop.main.run() }
    }
}

/// The command line: every command is a file under Commands/.
struct SpreaderPipeline: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spreader-pipeline",
        abstract: "Takes raw footage through declared stages and ends in a TikTok post.",
        discussion: """
            A pipeline is a JSON or YAML file that names stages. Try it without an account:

              spreader-pipeline run pipelines/tiktok.json clip.mp4 --sandbox

            Exit status: 0 all done; 1 an asset failed for good; 64 usage; 65 invalid pipeline or footage; \
            69 service unavailable after retries; 75 try again later (limits); 77 not authorised; \
            78 configuration; 130 interrupted (resumable).
            """,
        version: Version.current,
        subcommands: [
            Run.self, Plan.self, Validate.self, Lint.self, Init.self, TestCommand.self, Explain.self, ProbeCommand.self,
            Stages.self,
            Schema.self, Plugins.self, SandboxCommand.self, Auth.self, Serve.self, Runs.self, Posts.self, Enqueue.self,
            Watch.self, WorkerCommand.self, Jobs.self, CacheCommand.self, DatabaseCommand.self, Doctor.self,
        ])
}

/// The program's version.
enum Version {
    static let current = "0.1.0"
}
