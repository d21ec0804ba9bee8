import CFFmpeg
import Foundation
import Synchronization

/// The last warnings and errors that FFmpeg's libraries logged for one job.
///
/// The libraries have one log for the whole process. A line belongs to the job whose number its decoder or encoder
/// carries in `opaque` (their own threads log through a copy), otherwise to the job of the calling thread.
package final class MediaLog: Sendable {
    private struct State {
        var lines: [String] = []
        var total = 0
    }

    /// Lines kept for error messages.
    private static let capacity = 20
    private let state = Mutex(State())
    /// Identifies this log in the `opaque` field of contexts.
    let id: Int

    /// Creates the log of a new job.
    package init() {
        MediaLog.install()
        id = MediaLog.registry.withLock { registry in
            registry.next += 1
            return registry.next
        }
        let entry = Entry(log: self)
        let id = id
        MediaLog.registry.withLock { $0.logs[id] = entry }
    }

    deinit {
        let id = id
        _ = MediaLog.registry.withLock { $0.logs.removeValue(forKey: id) }
    }

    /// The last lines, oldest first.
    package var lines: [String] { state.withLock { $0.lines } }
    package var lastLine: String? { state.withLock { $0.lines.last } }
    /// Number of lines since the start, including those no longer kept.
    package var total: Int { state.withLock { $0.total } }

    /// The value for the `opaque` field of a context that belongs to this job. A number, never dereferenced.
    var opaque: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: id) }

    /// Runs `body` with this log attached to the calling thread.
    package func attached<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        let storage = Thread.current.threadDictionary
        let outer = storage[MediaLog.threadKey]
        storage[MediaLog.threadKey] = self
        defer { storage[MediaLog.threadKey] = outer }
        return try body()
    }

    private func append(_ line: String) {
        state.withLock { state in
            state.total += 1
            if state.lines.last == line { return }
            if state.lines.count == MediaLog.capacity { state.lines.removeFirst() }
            state.lines.append(line)
        }
    }

    // MARK: Process-wide callback

    private struct Entry: Sendable {
        weak let log: MediaLog?
    }

    private struct Registry: Sendable {
        var next = 0
        var logs: [Int: Entry] = [:]
    }

    private static let threadKey = "spreader.media.log"
    private static let registry = Mutex(Registry())

    private static let installOnce: Void = av_log_set_callback { context, level, format, arguments in
        guard level <= AV_LOG_WARNING, let format, let arguments else { return }
        var buffer = [CChar](repeating: 0, count: 1024)
        var prefix: Int32 = 1
        guard av_log_format_line2(context, level, format, arguments, &buffer, Int32(buffer.count), &prefix) > 0
        else { return }
        MediaLog.job(of: context)?.append(MediaLog.cleaned(BufferText.string(buffer)))
    }

    private static func install() { _ = installOnce }

    /// The log of the job that a logging context belongs to.
    private static func job(of context: UnsafeMutableRawPointer?) -> MediaLog? {
        if let context {
            // Everything that logs starts with a pointer to its AVClass; codec contexts share a known one.
            let kind = context.assumingMemoryBound(to: UnsafePointer<AVClass>?.self).pointee
            if let kind, kind == avcodec_get_class() {
                let opaque = context.assumingMemoryBound(to: AVCodecContext.self).pointee.opaque
                if let log = registry.withLock({ $0.logs[Int(bitPattern: opaque)]?.log }) { return log }
            }
        }
        return Thread.current.threadDictionary[threadKey] as? MediaLog
    }

    /// A line without the address that FFmpeg adds to the prefix: `[h264 @ 0x55…] no frame` → `[h264] no frame`.
    static func cleaned(_ line: String) -> String {
        let body = line.trimmingCharacters(in: .whitespacesAndNewlines)
        guard body.hasPrefix("["), let at = body.range(of: " @ 0x"),
            let end = body[at.upperBound...].firstIndex(of: "]")
        else { return body }
        return String(body[..<at.lowerBound]) + String(body[end...])
    }
}
