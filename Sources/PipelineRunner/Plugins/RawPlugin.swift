import Foundation
import Glibc
import PipelineKit

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

    /// Sends one line.
    func send(_ line: String) {
        guard inputIsOpen else { return }
        _ = process.input.writeAll(Data((line + "\n").utf8))
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
                strayLines.append(String(decoding: line.prefix(200), as: UTF8.self))
            }
            guard end == nil, SuspendingClock.now < deadline else { return nil }
            listen()
        }
    }

    private func listen() {
        switch talk.read(process) {
        case .lines(let output, let errors):
            lines += output
            self.errors += errors.map { String(decoding: $0, as: UTF8.self) }
        case .tooLong, .closed:
            for _ in 0..<500 where end == nil {
                end = process.reaped(waits: false)
                if end == nil { usleep(2000) }
            }
            if end == nil {
                process.kill()
                end = process.reaped(waits: true)
            }
            errors += talk.lastErrors(process)
        case .nothing: end = process.reaped(waits: false)
        }
    }

    /// Waits for its end.
    func waitForEnd(within limit: Duration) -> WorkerEnd? {
        let deadline = SuspendingClock.now + limit
        while end == nil, SuspendingClock.now < deadline { listen() }
        return end
    }

    /// Processes of its group that are still there.
    var groupIsEmpty: Bool { process.groupUsage.memory == 0 }
}
