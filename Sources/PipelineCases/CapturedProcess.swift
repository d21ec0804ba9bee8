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
            let (outputs, isLate) = follow(child, flag, limit.inSeconds)
            let end = child.reaped(waits: true) ?? .exited(-1)
            if flag.isCancelled { throw .cancelled }
            if isLate { throw StageError(.timeout, "it took longer than \(limit.spoken)") }
            return CapturedProcess(end: end, output: outputs[0], errors: outputs[1])
        }
    }

    /// Reads standard output and standard error until the child closes both.
    private static func follow(
        _ child: ChildProcess, _ flag: CancellationFlag, _ limit: Double
    ) -> (outputs: [Data], isLate: Bool) {
        let start = ProcessInfo.processInfo.systemUptime
        var ends = [child.output, child.errors ?? -1]
        var outputs = [Data(), Data()]
        var askedAt: Double?
        var isLate = false
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while ends.contains(where: { $0 >= 0 }) {
            let now = ProcessInfo.processInfo.systemUptime
            if now - start > limit { isLate = true }
            if let moment = askedAt {
                if now - moment > 3 { child.kill() }
            } else if flag.isCancelled || isLate {
                askedAt = now
                child.terminate()
            }
            var ready = ends.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&ready, nfds_t(ready.count), 100) > 0 else { continue }
            for index in ends.indices where ends[index] >= 0 && ready[index].revents != 0 {
                let count = read(ends[index], &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                if count > 0 {
                    outputs[index].append(contentsOf: buffer[..<count])
                } else {
                    close(ends[index])
                    ends[index] = -1
                }
            }
        }
        return (outputs, isLate)
    }
}
