import CProcess
package import Foundation
import Glibc
import PipelineKit

/// How to start a child process.
package struct WorkerLaunch: Sendable, Hashable {
    /// The path of the executable.
    package var executable: String
    /// The arguments, without the program's name.
    package var arguments: [String]
    package var environment: [String: String]
    /// The working directory; nil for the host's.
    package var directory: String?
    /// Whether the host reads the child's standard error, instead of sharing its own with the child.
    package var capturesErrors = false
    /// The process group to join, in which case the child outlives the thread that started it; nil for a new group.
    package var group: Int32?
    /// Whether the child and its descendants must stay in its process group, so that killing the group kills them all.
    package var keepsGroup = false

    package init(executable: String, arguments: [String], environment: [String: String]) {
        self.executable = executable
        self.arguments = arguments
        // The signal is enough to report a crash; collecting a backtrace first would take seconds.
        self.environment = environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    }
}

/// A started process and the host's ends of its pipes. Use it only on the thread that started it, because the kernel
/// treats that thread as the parent.
package struct ChildProcess {
    /// The process id, which is also the id of its process group unless it joined another.
    package let identifier: Int32
    /// The write end of its standard input.
    package let input: Int32
    /// The read end of its standard output.
    package let output: Int32
    /// The read end of its standard error; nil if it shares the host's.
    package let errors: Int32?

    /// Starts a process in a new process group, so that Ctrl-C reaches only the host. The process dies with the calling
    /// thread.
    /// - Throws: `POSIXError` if a pipe or the process can't be created.
    package static func start(_ launch: WorkerLaunch) throws(POSIXError) -> ChildProcess {
        var open: [Int32] = []
        func pipe() throws(POSIXError) -> (read: Int32, write: Int32) {
            var ends: [Int32] = [-1, -1]
            guard spreader_pipe(&ends) == 0 else {
                let cause = errno
                for end in open { close(end) }
                throw POSIXError(POSIXErrorCode(rawValue: cause) ?? .EMFILE)
            }
            open += ends
            return (ends[0], ends[1])
        }
        // Both ends are closed on exec: a sibling that inherited one would keep the pipe open.
        let toChild = try pipe()
        let fromChild = try pipe()
        let errors = launch.capturesErrors ? try pipe() : nil

        var texts = [strdup(launch.executable), launch.directory.map { strdup($0) } ?? nil]
        var arguments = ([launch.executable] + launch.arguments).map { strdup($0) } + [nil]
        var environment = launch.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        texts += arguments + environment
        defer { for text in texts { free(text) } }
        var cause: Int32 = 0
        let identifier = arguments.withUnsafeMutableBufferPointer { arguments -> Int32 in
            environment.withUnsafeMutableBufferPointer { environment in
                guard let path = texts[0], let arguments = arguments.baseAddress,
                    let environment = environment.baseAddress
                else {
                    cause = ENOMEM
                    return -1
                }
                var wanted = spreader_launch(
                    path: path, arguments: arguments, environment: environment, directory: texts[1],
                    input: toChild.read, output: fromChild.write, errors: errors?.write ?? -1,
                    keeps_group: launch.keepsGroup ? 1 : 0, group: launch.group ?? 0)
                let identifier = spreader_start(&wanted)
                cause = errno
                return identifier
            }
        }
        close(toChild.read)
        close(fromChild.write)
        if let errors { close(errors.write) }
        guard identifier > 0 else {
            close(toChild.write)
            close(fromChild.read)
            if let errors { close(errors.read) }
            throw POSIXError(POSIXErrorCode(rawValue: cause) ?? .EIO)
        }
        return ChildProcess(
            identifier: identifier, input: toChild.write, output: fromChild.read, errors: errors?.read)
    }

    /// The resource usage of the process alone; nil if unknown.
    var usage: ProcessUsage? { ProcessUsage(of: identifier) }
    /// The resource usage of all processes of its group.
    var groupUsage: ProcessUsage { ProcessUsage(ofGroup: identifier) }

    /// Sends SIGTERM to its process group.
    package func terminate() { _ = Glibc.kill(-identifier, SIGTERM) }

    /// Sends SIGKILL to its process group.
    package func kill() { _ = Glibc.kill(-identifier, SIGKILL) }

    /// Reaps the process and returns how it ended; nil if it is still running and `waits` is false.
    package func reaped(waits: Bool) -> TerminationReason? {
        var status: Int32 = 0
        while true {
            let answer = waitpid(identifier, &status, waits ? 0 : WNOHANG)
            if answer < 0, errno == EINTR { continue }
            if answer == 0 { return nil }
            // It was reaped elsewhere, so its status is lost.
            guard answer == identifier else { return .exited(-1) }
            let signal = status & 0x7f
            return signal == 0 ? .exited(status >> 8 & 0xff) : .signalled(signal)
        }
    }
}
