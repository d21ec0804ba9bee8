import Foundation
import Media
import PipelineKit

/// Probes footage that another program may still be copying, downloading or recording.
///
/// Probes footage at once if its last write is older than the `settle` option. For younger footage the container shows
/// whether it is complete; if it can't, the file must stay unchanged for that time first.
struct SettledProbe: Sendable {
    private let source: SourceFile
    private let settle: Duration
    private let clock: HostClock
    /// Time between two checks of a file.
    private static let interval = Duration.milliseconds(200)
    /// Longest time to wait for a file to become complete.
    private static let limit = Duration.seconds(600)

    init(of source: SourceFile, settle: Duration, clock: HostClock) {
        self.source = source
        self.settle = settle
        self.clock = clock
    }

    /// For a plan: the probed footage, or nil if it is still growing.
    ///
    /// Waits only for recently written footage that can't be used as it is, and at most until it has been unchanged for
    /// the `settle` time: a damaged file must not be reported as growing, nor a growing file as damaged.
    /// - Throws: The error of the probe.
    func mediaUnlessGrowing() async throws(StageError) -> ProbedMedia? {
        let first = snapshot()
        let result = await probe()
        guard let first, isRecent(first) else { return try result.get() }
        let end = FileEnd(ofFileAt: source.file.path)
        if snapshot() != first { return nil }
        switch (result, end) {
        case (_, .unrecognised), (.success, .whole), (.success, .undeclared): return try result.get()
        case (.failure, _), (.success, .cutShort): break
        }
        while isRecent(first) {
            try await pause()
            if snapshot() != first { return nil }
        }
        return try result.get()
    }

    /// For a run: the probed footage, once it no longer changes.
    /// - Parameter onWait: Called at every check while waiting.
    /// - Throws: The error of the probe; `busy` if the file still grows after the limit; `footage-changed` if the file
    ///   is not the one that `source` describes.
    func mediaOnceSettled(onWait: () -> Void) async throws(StageError) -> ProbedMedia {
        guard let first = snapshot(), isRecent(first) else { return try checked(await probe()) }
        let result = await probe()
        let end = FileEnd(ofFileAt: source.file.path)
        if end == .unrecognised { return try checked(result) }
        if case .success = result, end == .whole {
            if clock.now().timeIntervalSince(first.modified) < Self.interval.inSeconds { try await pause() }
            if snapshot() == first { return try checked(result) }
        }
        let settled = try await settledSnapshot(from: first, onWait: onWait)
        // A change of the time alone counts too: the size may have been allocated at the start.
        if settled != first { throw changed(to: settled.bytes) }
        return try checked(result)
    }

    /// Waits until the file has not changed for the `settle` time.
    private func settledSnapshot(
        from first: FileStability.Snapshot, onWait: () -> Void
    ) async throws(StageError) -> FileStability.Snapshot {
        var stability = FileStability(first, of: source.file.path, clock: clock, countsFromModification: true)
        let start = clock.now()
        while !stability.isStable(for: settle) {
            if clock.now().timeIntervalSince(start) > Self.limit.inSeconds {
                throw StageError(
                    .busy, "\(source.displayPath) is still growing after \(Self.limit.spoken)",
                    hint: "run the same command again when it is complete")
            }
            onWait()
            try await pause()
            guard stability.update() else { break }
        }
        return stability.snapshot
    }

    private func probe() async -> Result<ProbedMedia, StageError> {
        do throws(StageError) {
            let media = try await ProbeMemory.shared.media(of: source) { () async throws(StageError) in
                try await MediaProbe.probe(source)
            }
            return .success(media)
        } catch {
            return .failure(error)
        }
    }

    /// Returns the result if the file is still the one that `source` describes.
    private func checked(_ result: Result<ProbedMedia, StageError>) throws(StageError) -> ProbedMedia {
        if let current = snapshot(), current.bytes != source.file.bytes { throw changed(to: current.bytes) }
        return try result.get()
    }

    private func changed(to bytes: Int64) -> StageError {
        StageError(
            .footageChanged, "\(source.displayPath) was still being written and has \(ByteCount(bytes)) now",
            hint: "run the same command again when it is complete")
    }

    private func snapshot() -> FileStability.Snapshot? { FileStability.Snapshot(of: source.file.path) }

    private func isRecent(_ snapshot: FileStability.Snapshot) -> Bool {
        snapshot.isRecent(within: settle, of: clock.now())
    }

    private func pause() async throws(StageError) {
        do {
            try await clock.sleep(Self.interval)
        } catch {
            throw .cancelled
        }
    }
}
