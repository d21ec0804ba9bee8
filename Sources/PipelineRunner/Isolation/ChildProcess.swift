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

    /// Starts a process in a process group of its own, so that a terminal's interrupt reaches its host alone.
    /// - Throws: `POSIXError`.
    package static func start(_ launch: WorkerLaunch) throws(POSIXError) -> ChildProcess {
        let toChild = try pipe()
        let fromChild: (read: Int32, write: Int32)
        do throws(POSIXError) {
            fromChild = try pipe()
        } catch {
            close(toChild.read)
            close(toChild.write)
            throw error
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toChild.read, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, fromChild.write, STDOUT_FILENO)
        spreader_close_from(&actions, STDERR_FILENO + 1)
        if let directory = launch.directory { _ = spreader_start_in(&actions, directory) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        posix_spawnattr_setpgroup(&attributes, 0)
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)

        var arguments = ([launch.executable] + launch.arguments).map { strdup($0) } + [nil]
        var environment = launch.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in arguments + environment { free(text) } }
        var identifier: pid_t = 0
        let failure = posix_spawn(
            &identifier, launch.executable, &actions, &attributes, &arguments, &environment)
        close(toChild.read)
        close(fromChild.write)
        guard failure == 0 else {
            close(toChild.write)
            close(fromChild.read)
            throw POSIXError(POSIXErrorCode(rawValue: failure) ?? .EIO)
        }
        return ChildProcess(identifier: identifier, input: toChild.write, output: fromChild.read)
    }

    /// Both ends are closed on exec: a sibling that inherited one would keep the line open.
    private static func pipe() throws(POSIXError) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard spreader_pipe(&ends) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EMFILE) }
        return (ends[0], ends[1])
    }

    /// Bytes of memory that it holds; nil when the system does not say.
    var residentBytes: Int64? {
        guard let file = fopen("/proc/\(identifier)/statm", "re") else { return nil }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 128)
        guard fgets(&text, Int32(text.count), file) != nil else { return nil }
        let fields = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split(separator: " ")
        guard fields.count > 1, let pages = Int64(fields[1]) else { return nil }
        return pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }

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

extension Int32 {
    /// Writes all bytes to this descriptor; a reader that is gone is an answer, not a signal.
    func writeAll(_ data: Data) -> Bool {
        var pipeSignal = sigset_t()
        var before = sigset_t()
        sigemptyset(&pipeSignal)
        sigaddset(&pipeSignal, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipeSignal, &before)
        defer {
            var now = timespec()
            while sigtimedwait(&pipeSignal, nil, &now) == SIGPIPE {}
            pthread_sigmask(SIG_SETMASK, &before, nil)
        }
        return data.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = write(self, bytes.baseAddress?.advanced(by: sent), bytes.count - sent)
                if count < 0 {
                    if errno == EINTR { continue }
                    return false
                }
                sent += count
            }
            return true
        }
    }
}
