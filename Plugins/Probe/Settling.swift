import Foundation
import Media
import PipelineKit

/// Probes footage that another program may still be copying, downloading or recording.
///
/// Probes footage at once if its last write is older than the `settle` option. For younger footage the container shows
/// whether it is complete; if it can't, the file must stay unchanged for that time first.
struct Settling: Sendable {
    private let source: SourceFile
    private let settle: Duration
    private let clock: HostClock
    /// Time between two checks of a file.
    private static let interval = Duration.milliseconds(200)
    /// Longest time to wait for a file to become complete.
    private static let limit = Duration.seconds(600)

    /// Attributes that change while a file is written.
    private struct Mark: Equatable {
        var bytes: Int64
        var modified: Date

        init?(_ path: String) {
            guard let facts = try? FileManager.default.attributesOfItem(atPath: path),
                let bytes = facts[.size] as? NSNumber, let modified = facts[.modificationDate] as? Date
            else { return nil }
            self.bytes = bytes.int64Value
            self.modified = modified
        }
    }

    init(of source: SourceFile, for settle: Duration, clock: HostClock) {
        self.source = source
        self.settle = settle
        self.clock = clock
    }

    /// For a plan: the probed footage, or nil if it is still growing.
    ///
    /// Waits only for recently written footage that can't be used as it is, and at most until it has been unchanged for
    /// the `settle` time: a damaged file must not be reported as growing, nor a growing file as damaged.
    /// - Throws: The error of the probe.
    func look() async throws(StageError) -> ProbedMedia? {
        let first = Mark(source.file.path)
        let result = await probe()
        guard let first, isYoung(first) else { return try result.get() }
        let end = FileEnd(ofFileAt: source.file.path)
        if Mark(source.file.path) != first { return nil }
        switch (result, end) {
        case (_, .unrecognised), (.success, .whole), (.success, .undeclared): return try result.get()
        case (.failure, _), (.success, .cutShort): break
        }
        while isYoung(first) {
            try await pause()
            if Mark(source.file.path) != first { return nil }
        }
        return try result.get()
    }

    /// For a run: the probed footage, once it no longer changes.
    /// - Parameter onWait: Called at every check while waiting.
    /// - Throws: The error of the probe; `busy` if the file still grows after the limit; `footage-changed` if the file
    ///   is not the one that `source` describes.
    func wait(_ onWait: () -> Void) async throws(StageError) -> ProbedMedia {
        guard let first = Mark(source.file.path), isYoung(first) else { return try checked(await probe()) }
        let result = await probe()
        let end = FileEnd(ofFileAt: source.file.path)
        if end == .unrecognised { return try checked(result) }
        if case .success = result, end == .whole {
            if age(first) < Self.interval.inSeconds { try await pause() }
            if Mark(source.file.path) == first { return try checked(result) }
        }
        let start = clock.now()
        var last = first
        var stillSince = min(first.modified, start)
        while clock.now().timeIntervalSince(stillSince) < settle.inSeconds {
            if clock.now().timeIntervalSince(start) > Self.limit.inSeconds {
                throw StageError(
                    .busy, "\(source.displayPath) is still growing after \(Self.limit.spoken)",
                    hint: "run the same command again when it is complete")
            }
            onWait()
            try await pause()
            guard let mark = Mark(source.file.path) else { break }
            if mark != last { (last, stillSince) = (mark, clock.now()) }
        }
        // A change of the time alone counts too: the size may have been allocated at the start.
        if last != first { throw changed(to: last.bytes) }
        return try checked(result)
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
        if let mark = Mark(source.file.path), mark.bytes != source.file.bytes { throw changed(to: mark.bytes) }
        return try result.get()
    }

    private func changed(to bytes: Int64) -> StageError {
        StageError(
            .footageChanged, "\(source.displayPath) was still being written and has \(ByteCount(bytes)) now",
            hint: "run the same command again when it is complete")
    }

    private func age(_ mark: Mark) -> Double { clock.now().timeIntervalSince(mark.modified) }

    /// Whether the file was written recently. A time far in the future comes from another clock and is ignored.
    private func isYoung(_ mark: Mark) -> Bool {
        let age = age(mark)
        return age < settle.inSeconds && age > -settle.inSeconds
    }

    private func pause() async throws(StageError) {
        do {
            try await clock.sleep(Self.interval)
        } catch {
            throw .cancelled
        }
    }
}
