package import Foundation
import Glibc
package import PipelineKit
package import StageHosting

/// The result of a program that ran to its end: its termination reason and everything it wrote.
package struct CapturedProcess: Sendable {
    package var end: TerminationReason
    /// Everything the program wrote to standard output.
    package var output: Data
    /// Everything the program wrote to standard error.
    package var errors: Data

    /// Runs a program to its end on a dedicated thread. Cancellation and timeout send SIGTERM to its process group, and
    /// SIGKILL 3 s later.
    /// - Parameters:
    ///   - launch: The program; standard error is always captured.
    ///   - limit: The longest run time.
    /// - Throws: `StageError` with code `configuration` if the program can't be started; `timeout`; `cancelled`.
    package static func run(_ launch: WorkerLaunch, limit: Duration) async throws(StageError) -> CapturedProcess {
        try await BlockingWork.run(name: "case") { (flag) throws(StageError) in
            var launch = launch
            launch.capturesErrors = true
            let child: ChildProcess
            do {
                child = try ChildProcess.start(launch)
            } catch {
                throw StageError(.configuration, "a run can't be started: \(error)")
            }
            // The child gets no input.
            close(child.input)
            var captured = ChildOutputReader.Chunk()
            let deadline = SuspendingClock.now + limit
            var isLate = false
            child.followOutput(grace: .seconds(3)) {
                isLate = isLate || SuspendingClock.now > deadline
                return flag.isCancelled || isLate
            } receive: { chunk in
                captured.output += chunk.output
                captured.errors += chunk.errors
            }
            child.closeOutputs()
            let end = child.reaped(waits: true) ?? .exited(-1)
            if flag.isCancelled { throw .cancelled }
            if isLate { throw StageError(.timeout, "it took longer than \(limit.spoken)") }
            return CapturedProcess(end: end, output: captured.output, errors: captured.errors)
        }
    }
}
