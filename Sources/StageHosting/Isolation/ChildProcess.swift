import CProcess
package import Foundation
import Glibc

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
        let pipes = try ChildPipes(capturesErrors: launch.capturesErrors)
        let (identifier, error) = launch.spawn(with: pipes)
        pipes.closeChildEnds()
        guard identifier > 0 else {
            pipes.closeHostEnds()
            throw POSIXError(POSIXErrorCode(rawValue: error) ?? .EIO)
        }
        return ChildProcess(
            identifier: identifier, input: pipes.input.writeEnd, output: pipes.output.readEnd,
            errors: pipes.errors?.readEnd)
    }

    /// Closes the host's ends of standard output and standard error.
    package func closeOutputs() {
        close(output)
        if let errors { close(errors) }
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

/// A pipe whose ends are both closed on exec: a sibling that inherited one would keep the pipe open.
private struct Pipe {
    let readEnd: Int32
    let writeEnd: Int32

    init() throws(POSIXError) {
        var ends: [Int32] = [-1, -1]
        guard spreader_pipe(&ends) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EMFILE) }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }
}

/// The pipes between the host and a new child.
private struct ChildPipes {
    let input: Pipe
    let output: Pipe
    /// Nil if the child shares the host's standard error.
    let errors: Pipe?

    init(capturesErrors: Bool) throws(POSIXError) {
        var open: [Pipe] = []
        do throws(POSIXError) {
            for _ in 0..<(capturesErrors ? 3 : 2) { open.append(try Pipe()) }
        } catch {
            for pipe in open {
                close(pipe.readEnd)
                close(pipe.writeEnd)
            }
            throw error
        }
        (input, output, errors) = (open[0], open[1], capturesErrors ? open[2] : nil)
    }

    func closeChildEnds() {
        close(input.readEnd)
        close(output.writeEnd)
        if let errors { close(errors.writeEnd) }
    }

    func closeHostEnds() {
        close(input.writeEnd)
        close(output.readEnd)
        if let errors { close(errors.readEnd) }
    }
}

extension WorkerLaunch {
    /// Starts the process.
    /// - Returns: Its id, or a value that is not positive and the error number.
    fileprivate func spawn(with pipes: ChildPipes) -> (identifier: Int32, error: Int32) {
        let path = strdup(executable)
        let folder = directory.flatMap { strdup($0) }
        var arguments = ([executable] + arguments).map { strdup($0) } + [nil]
        var environment = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in [path, folder] + arguments + environment { free(text) } }
        return arguments.withUnsafeMutableBufferPointer { arguments in
            environment.withUnsafeMutableBufferPointer { environment in
                guard let path, let arguments = arguments.baseAddress, let environment = environment.baseAddress else {
                    return (-1, ENOMEM)
                }
                var launch = spreader_launch(
                    path: path, arguments: arguments, environment: environment, directory: folder,
                    input: pipes.input.readEnd, output: pipes.output.writeEnd, errors: pipes.errors?.writeEnd ?? -1,
                    keeps_group: keepsGroup ? 1 : 0, group: group ?? 0)
                let identifier = spreader_start(&launch)
                return (identifier, errno)
            }
        }
    }
}
