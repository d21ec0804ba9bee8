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

    private struct State {
        var facts: [String: (mark: FileMark, media: ProbedMedia)] = [:]
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
        let mark = FileMark(path)
        if let known = state.withLock({ $0.facts[path] }), known.mark == mark {
            var media = known.media
            media.source = source
            return media
        }
        let media = try await probe()
        if let mark, mark == FileMark(path), age(mark) > Self.youngest { remember(media, mark, path) }
        return media
    }

    private func remember(_ media: ProbedMedia, _ mark: FileMark, _ path: String) {
        state.withLock { state in
            state.order.removeAll { $0 == path }
            state.order.append(path)
            state.facts[path] = (mark, media)
            if state.order.count > Self.capacity { state.facts[state.order.removeFirst()] = nil }
        }
    }

    private func age(_ mark: FileMark) -> Double {
        now().timeIntervalSince1970 - Double(max(mark.modified, mark.changed)) / 1e9
    }
}
