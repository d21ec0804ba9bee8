import Foundation
import Glibc
import PipelineKit
import PluginProtocol

/// A plugin's process spoken to line by line, on one thread that waits: what the conformance suite needs, and no more.
final class RawPlugin {
    private let process: ChildProcess
    private var talk: Conversation
    private var lines: [Data] = []
    private var inputIsOpen = true
    /// What it wrote on standard error.
    private(set) var errors: [String] = []
    /// Lines on standard output that are no messages.
    private(set) var strayLines: [String] = []
    /// How it ended; nil while it lives.
    private(set) var end: WorkerEnd?

    /// Starts it.
    /// - Throws: `POSIXError`.
    init(_ launch: WorkerLaunch, _ limits: WorkerLimits) throws(POSIXError) {
        process = try ChildProcess.start(launch)
        talk = Conversation(limits: limits)
    }

    deinit {
        process.kill()
        closeInput()
        if end == nil { _ = process.reaped(waits: true) }
        close(process.output)
        if let errors = process.errors { close(errors) }
    }

    /// How long it may take to read a line.
    private static let readingPatience = Duration.seconds(5)
    /// How many lines are kept that are no messages.
    private static let mostLines = 50

    /// Sends one line; what it says meanwhile is kept. One that does not read has no answer either.
    func send(_ line: String) {
        guard inputIsOpen else { return }
        _ = fcntl(process.input, F_SETFL, O_NONBLOCK)
        signal(SIGPIPE, SIG_IGN)
        let bytes = Array((line + "\n").utf8)
        let deadline = SuspendingClock.now + Self.readingPatience
        var sent = 0
        while sent < bytes.count, end == nil, SuspendingClock.now < deadline {
            let count = bytes[sent...].withUnsafeBytes { write(process.input, $0.baseAddress, $0.count) }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN || errno == EINTR {
                listen()
            } else {
                return
            }
        }
    }

    /// Sends a message.
    func send(_ message: HostMessage) {
        guard let line = try? JSONEncoder().encode(message) else { return }
        send(String(decoding: line, as: UTF8.self))
    }

    /// Closes its standard input.
    func closeInput() {
        if inputIsOpen { close(process.input) }
        inputIsOpen = false
    }

    /// The next message, as it came and as it was understood; nil when none came in time or the process ended.
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
            listen()
        }
    }

    private func listen() {
        switch talk.read(process) {
        case .lines(let output, let errors):
            lines += output
            keep(errors.map { String(decoding: $0.prefix(2000), as: UTF8.self) })
            // More than anyone can read: it is not listened to any longer.
            if talk.isFlood(since: nil) {
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
            keep(talk.lastErrors(process))
        case .nothing: end = process.reaped(waits: false)
        }
    }

    private func keep(_ lines: [String]) { errors = Array((errors + lines).suffix(Self.mostLines)) }

    /// Waits for its end.
    func waitForEnd(within limit: Duration) -> WorkerEnd? {
        let deadline = SuspendingClock.now + limit
        while end == nil, SuspendingClock.now < deadline { listen() }
        return end
    }

    /// Processes of its group that are still there.
    var groupIsEmpty: Bool { process.groupUsage.memory == 0 }
}
