package import Foundation
package import PipelineKit
import Synchronization

/// Caches recent probe results: a run plans all footage before it processes any, and need not probe unchanged files
/// twice.
package final class ProbeMemory: Sendable {
    /// The cache of the process, shared by plans and runs.
    package static let shared = ProbeMemory()

    /// Most files to remember; one result takes a few kilobytes.
    private static let capacity = 256
    /// Seconds since the last write. A younger file is not remembered: another write might leave its time unchanged.
    private static let youngest = 2.0

    private struct State {
        var results: [String: (fingerprint: FileFingerprint, media: ProbedMedia)] = [:]
        /// Paths in the order in which they were remembered, oldest first.
        var order: [String] = []
    }

    private let state = Mutex(State())

    private let now: @Sendable () -> Date

    /// Creates an empty cache.
    /// - Parameter now: The current time by the clock of the file system.
    package init(now: @escaping @Sendable () -> Date = { Date() }) { self.now = now }

    /// The remembered result if the file has not changed since, otherwise the result of `probe`.
    package func media(
        of source: SourceFile, _ probe: () async throws(StageError) -> ProbedMedia
    ) async throws(StageError) -> ProbedMedia {
        let path = source.file.path
        let fingerprint = FileFingerprint(path)
        if let known = state.withLock({ $0.results[path] }), known.fingerprint == fingerprint {
            var media = known.media
            media.source = source
            return media
        }
        let media = try await probe()
        if let fingerprint, fingerprint == FileFingerprint(path), age(fingerprint) > Self.youngest {
            remember(media, of: path, fingerprint: fingerprint)
        }
        return media
    }

    private func remember(_ media: ProbedMedia, of path: String, fingerprint: FileFingerprint) {
        state.withLock { state in
            state.order.removeAll { $0 == path }
            state.order.append(path)
            state.results[path] = (fingerprint, media)
            if state.order.count > Self.capacity { state.results[state.order.removeFirst()] = nil }
        }
    }

    private func age(_ fingerprint: FileFingerprint) -> Double {
        now().timeIntervalSince1970 - Double(max(fingerprint.modified, fingerprint.changed)) / 1e9
    }
}
