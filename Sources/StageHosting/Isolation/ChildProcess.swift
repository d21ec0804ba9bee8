import CProcess
package import Foundation
import Glibc
import PipelineKit

/// How to start a child.
package struct WorkerLaunch: Sendable, Hashable {
    /// Path of the program.
    package var executable: String
    /// Its arguments, without its own name.
    package var arguments: [String]
    /// Its environment.
    package var environment: [String: String]
    /// The folder that it works in; this process's when nil.
    package var directory: String?
    /// Whether its standard error is read by the host, instead of being the host's own.
    package var capturesErrors = false
    /// The process group that it joins, whose leader it then outlives; nil for one of its own.
    package var group: Int32?
    /// Whether it and all that it starts must stay in its process group, so that ending the group ends them all.
    package var keepsGroup = false

    /// A launch; see the properties.
    package init(executable: String, arguments: [String], environment: [String: String]) {
        self.executable = executable
        self.arguments = arguments
        // A crash is told by its signal; a debugger that gathers a backtrace first would take seconds.
        self.environment = environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    }
}

/// A started process and the ends of its pipes. Everything that touches the process is done by the one thread that
/// started it: the kernel counts that thread as its parent.
package struct ChildProcess {
    /// Its number, and that of its process group.
    package let identifier: Int32
    /// Write here what it reads on standard input.
    package let input: Int32
    /// Read here what it writes on standard output.
    package let output: Int32
    /// Read here what it writes on standard error; nil when that is the host's own.
    package let errors: Int32?

    /// Starts a process in a process group of its own, so that a terminal's interrupt reaches its host alone. It dies
    /// with the calling thread.
    /// - Throws: `POSIXError`.
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
        // Both ends are closed on exec: a sibling that inherited one would keep the line open.
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

    /// What it uses by itself; nil when the system does not say.
    var usage: ProcessUsage? { ProcessUsage(of: identifier) }
    /// What all processes of its group use together.
    var groupUsage: ProcessUsage { ProcessUsage(ofGroup: identifier) }

    /// Asks it, and whatever it started, to end.
    package func terminate() { _ = Glibc.kill(-identifier, SIGTERM) }

    /// Ends it and whatever it started.
    package func kill() { _ = Glibc.kill(-identifier, SIGKILL) }

    /// How it ended; nil while it lives, unless `waits`.
    package func reaped(waits: Bool) -> WorkerEnd? {
        var status: Int32 = 0
        while true {
            let answer = waitpid(identifier, &status, waits ? 0 : WNOHANG)
            if answer < 0, errno == EINTR { continue }
            if answer == 0 { return nil }
            // Somebody else reaped it: all that is known is that it is gone.
            guard answer == identifier else { return .exited(-1) }
            let signal = status & 0x7f
            return signal == 0 ? .exited(status >> 8 & 0xff) : .signalled(signal)
        }
    }
}
