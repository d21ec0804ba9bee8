import Foundation
import Glibc
import PipelineKit
import PluginProtocol

/// A blocking connection to a plugin's process, line by line, for the conformance suite.
final class RawPlugin {
    private let process: ChildProcess
    private var output: WorkerOutput
    private var lines: [Data] = []
    private var inputIsOpen = true
    /// The last lines of its standard error.
    private(set) var errors: [String] = []
    /// The first lines of its standard output that are not messages.
    private(set) var strayLines: [String] = []
    /// How the process ended; nil while it runs.
    private(set) var end: TerminationReason?

    /// Starts the plugin's process.
    /// - Throws: `POSIXError` if it can't be started.
    init(_ launch: WorkerLaunch) throws(POSIXError) {
        process = try ChildProcess.start(launch)
        output = WorkerOutput(process)
    }

    deinit {
        process.kill()
        closeInput()
        if end == nil { _ = process.reaped(waits: true) }
        process.closeOutputs()
    }

    /// How long the plugin may take to read a line.
    private static let sendTimeout = Duration.seconds(5)
    /// How many lines to keep that are not messages.
    private static let mostLines = 50

    /// Sends one line and keeps what the plugin sends meanwhile. Drops the line if the plugin does not read it in time.
    func send(_ line: String) {
        guard inputIsOpen else { return }
        _ = fcntl(process.input, F_SETFL, O_NONBLOCK)
        signal(SIGPIPE, SIG_IGN)
        let bytes = Array((line + "\n").utf8)
        let deadline = SuspendingClock.now + Self.sendTimeout
        var sent = 0
        while sent < bytes.count, end == nil, SuspendingClock.now < deadline {
            let count = bytes[sent...].withUnsafeBytes { write(process.input, $0.baseAddress, $0.count) }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN || errno == EINTR {
                readOutput()
            } else {
                return
            }
        }
    }

    func send(_ message: HostMessage) {
        guard let line = try? JSONEncoder().encode(message) else { return }
        send(String(decoding: line, as: UTF8.self))
    }

    /// Closes its standard input.
    func closeInput() {
        if inputIsOpen { close(process.input) }
        inputIsOpen = false
    }

    /// Waits for the next message and returns it raw and decoded (nil if it is invalid); nil if none arrives in time or
    /// the process ends.
    func next(within limit: Duration) -> (raw: JSONValue, message: ChildMessage?)? {
        let deadline = SuspendingClock.now + limit
        while true {
            while !lines.isEmpty {
                let line = lines.removeFirst()
                if let raw = try? JSONDecoder().decode(JSONValue.self, from: line), raw["type"] != nil {
                    return (raw, try? JSONDecoder().decode(ChildMessage.self, from: line))
                }
                if strayLines.count < Self.mostLines {
                    strayLines.append(String(decoding: line.prefix(200), as: UTF8.self))
                }
            }
            guard end == nil, SuspendingClock.now < deadline else { return nil }
            readOutput()
        }
    }

    private func readOutput() {
        switch output.read() {
        case .lines(let messages, let errors):
            lines += messages
            keep(errors.map { String(decoding: $0.prefix(2000), as: UTF8.self) })
            // Stop a plugin that floods its host.
            if output.isFlood(since: nil) {
                process.kill()
                end = process.reaped(waits: true)
            }
        case .tooLong, .closed:
            for _ in 0..<500 where end == nil {
                end = process.reaped(waits: false)
                if end == nil { usleep(2000) }
            }
            if end == nil {
                process.kill()
                end = process.reaped(waits: true)
            }
            keep(output.remainingErrorLines())
        case .nothing: end = process.reaped(waits: false)
        }
    }

    private func keep(_ lines: [String]) { errors = Array((errors + lines).suffix(Self.mostLines)) }

    /// Waits for the process to end; nil if it is still running after `limit`.
    func waitForEnd(within limit: Duration) -> TerminationReason? {
        let deadline = SuspendingClock.now + limit
        while end == nil, SuspendingClock.now < deadline { readOutput() }
        return end
    }

    /// Whether no process of its group is left.
    var groupIsEmpty: Bool { process.groupUsage.memory == 0 }
}
