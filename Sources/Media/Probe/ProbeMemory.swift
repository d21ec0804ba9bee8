package import Foundation
package import PipelineKit
import Synchronization

/// What probes found lately: a run plans all footage before it works on any, and need not look twice at files that
/// stood still in between.
package final class ProbeMemory: Sendable {
    /// That of the process, which is where plans and runs meet.
    package static let shared = ProbeMemory()

    /// Files that are remembered; a fact sheet takes some kilobytes.
    private static let capacity = 256
    /// A file written more recently may be written again without its time changing.
    private static let youngest = 2.0

    /// What of a file changes with any writing to it.
    private struct Mark: Hashable {
        var bytes: Int
        var inode: UInt64
        var modified: timespec
        var changed: timespec

        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            bytes = Int(status.st_size)
            inode = UInt64(status.st_ino)
            modified = status.st_mtim
            changed = status.st_ctim
        }

        static func == (left: Mark, right: Mark) -> Bool {
            left.bytes == right.bytes && left.inode == right.inode && left.modified == right.modified
                && left.changed == right.changed
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(inode)
            hasher.combine(changed.tv_nsec)
        }
    }

    private struct State {
        var facts: [String: (mark: Mark, media: ProbedMedia)] = [:]
        /// Paths, the one that was remembered longest ago first.
        var order: [String] = []
    }

    private let state = Mutex(State())

    private let now: @Sendable () -> Date

    /// An empty memory.
    /// - Parameter now: The time, by the clock that file systems use.
    package init(now: @escaping @Sendable () -> Date = { Date() }) { self.now = now }

    /// What `probe` finds in footage, or found before when the file has not changed since.
    package func media(
        of source: SourceFile, _ probe: () async throws(StageError) -> ProbedMedia
    ) async throws(StageError) -> ProbedMedia {
        let path = source.file.path
        let mark = Mark(path)
        if let known = state.withLock({ $0.facts[path] }), known.mark == mark {
            var media = known.media
            media.source = source
            return media
        }
        let media = try await probe()
        if let mark, mark == Mark(path), age(mark) > Self.youngest { remember(media, mark, path) }
        return media
    }

    private func remember(_ media: ProbedMedia, _ mark: Mark, _ path: String) {
        state.withLock { state in
            state.order.removeAll { $0 == path }
            state.order.append(path)
            state.facts[path] = (mark, media)
            if state.order.count > Self.capacity { state.facts[state.order.removeFirst()] = nil }
        }
    }

    private func age(_ mark: Mark) -> Double {
        let latest = max(mark.modified.tv_sec, mark.changed.tv_sec)
        return now().timeIntervalSince1970 - Double(latest)
    }
}

extension timespec {
    fileprivate static func == (left: timespec, right: timespec) -> Bool {
        left.tv_sec == right.tv_sec && left.tv_nsec == right.tv_nsec
    }
}
