import Foundation
package import PipelineKit

/// Inspects footage: its streams, which of them to use, and whether it can be delivered.
package enum MediaProbe {
    static let maximumStreams = 64
    static let maximumSide = 16_384
    /// Seconds after which probing a file fails.
    private static let maximumSeconds = 60

    static let damagedHint = "copy the file again from its source; it may be damaged or still being written"
    static let videoHint = "give a video file"

    /// Probes a file on its own thread.
    /// - Throws: `StageError` with code `unusable-footage` if the file can't be delivered; its hint says what to do.
    package static func probe(_ source: SourceFile) async throws(StageError) -> ProbedMedia {
        try await BlockingWork.run(name: "media-probe") { (cancellation) throws(StageError) in
            try probe(source, cancellation: cancellation)
        }
    }

    /// Probes a file on the calling thread.
    package static func probe(
        _ source: SourceFile, cancellation: CancellationFlag
    ) throws(StageError) -> ProbedMedia {
        try MediaLibraries.load()
        let log = MediaLog()
        return try log.attached { () throws(StageError) in
            let size = try checkFile(source)
            do throws(StageError) {
                let media = try read(source, log: log, cancellation: cancellation)
                if self.size(of: source) != size { throw growing(source) }
                return media
            } catch {
                // A file that looks damaged may only be incomplete.
                guard error.code == .unusableFootage, self.size(of: source) != size else { throw error }
                throw growing(source, cause: error.message)
            }
        }
    }

    private static func read(
        _ source: SourceFile, log: MediaLog, cancellation: CancellationFlag
    ) throws(StageError) -> ProbedMedia {
        try checkHeader(source)
        let deadline = ContinuousClock.now + .seconds(maximumSeconds)
        let demuxer: Demuxer
        do throws(MediaError) {
            demuxer = try Demuxer(path: source.file.path, log: log, cancellation: cancellation, deadline: deadline)
        } catch {
            throw refusal(of: source, error)
        }
        let result: Result<ProbedMedia, StageError>
        do throws(MediaError) {
            result = try ProbeReader(
                source: source, demuxer: demuxer, log: log, cancellation: cancellation, deadline: deadline
            ).read()
        } catch {
            if error.isTimeout { throw refusal(of: source, error) }
            throw error.isInvalidData
                ? unusable(source, "can't be read: \(error.text)", hint: damagedHint, cause: error)
                : error.stageError()
        }
        return try result.get()
    }

    /// An `unusable-footage` error whose message starts with the path of the footage.
    static func unusable(
        _ source: SourceFile, _ problem: String, hint: String? = nil, cause: MediaError? = nil
    ) -> StageError {
        StageError(.unusableFootage, "\(source.displayPath) \(problem)", hint: hint, cause: cause?.description)
    }

    private static func growing(_ source: SourceFile, cause: String? = nil) -> StageError {
        StageError(
            .unusableFootage, "\(source.displayPath) is still being written", hint: "wait until it is complete",
            cause: cause)
    }

    private static func size(of source: SourceFile) -> Int64? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: source.file.path)
        return (attributes?[.size] as? NSNumber)?.int64Value
    }

    /// Rejects folders and files that are missing, empty or unreadable.
    /// - Returns: The file's size in bytes.
    private static func checkFile(_ source: SourceFile) throws(StageError) -> Int64? {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: source.file.path, isDirectory: &isDirectory) else {
            throw unusable(source, "does not exist", hint: "check the path")
        }
        if isDirectory.boolValue {
            throw unusable(source, "is a folder, not a file", hint: "name the files in it: \(source.displayPath)/*")
        }
        let size = size(of: source)
        if size == 0 { throw unusable(source, "is empty", hint: "copy it again from its source") }
        if !FileManager.default.isReadableFile(atPath: source.file.path) {
            throw unusable(source, "can't be read: permission denied", hint: "give this user permission to read it")
        }
        return size
    }

    /// Rejects still images and implausible headers before FFmpeg reads them.
    private static func checkHeader(_ source: SourceFile) throws(StageError) {
        guard let movie = MovieHeader(path: source.file.path) else { return }
        if movie.isStillImage { throw unusable(source, "is a still image, not footage", hint: videoHint) }
        if let excess = movie.excess {
            throw unusable(source, "\(excess), which is implausible: its header is corrupt", hint: damagedHint)
        }
    }

    private static func refusal(of source: SourceFile, _ error: MediaError) -> StageError {
        if error.isCancellation { return .cancelled }
        if error.isTimeout {
            return unusable(
                source, "took more than \(maximumSeconds) s to probe: it is damaged, or its storage is too slow",
                hint: "copy it to a local disk and try again", cause: error)
        }
        if error.isOutOfMemory {
            return unusable(
                source, "needs more memory than any valid footage: its header is corrupt",
                hint: damagedHint, cause: error)
        }
        if error.operation == Demuxer.imageOperation {
            let isAnimated = error.text.contains("webp") && isAnimatedWebP(source)
            return isAnimated
                ? unusable(
                    source, "is an animated WebP, which this build of FFmpeg can't decode",
                    hint: "convert it to GIF or MP4 first", cause: error)
                : unusable(source, "is a still image, not footage", hint: videoHint, cause: error)
        }
        if error.isInvalidData, MovieHeader(path: source.file.path)?.hasMovie == false {
            return unusable(
                source, "has no index (moov): it was cut off, or its recording was never finished",
                hint: "copy it again from its source, or repair it with a tool for unfinished recordings",
                cause: error)
        }
        if error.isInvalidData {
            return unusable(
                source, "can't be read as video: \(error.text)",
                hint: "it is damaged, incomplete or not a video; try to play it, or copy it again from its source",
                cause: error)
        }
        return unusable(source, "can't be read: \(error.text)", hint: damagedHint, cause: error)
    }

    /// Whether the extended header of a WebP file sets the animation flag.
    private static func isAnimatedWebP(_ source: SourceFile) -> Bool {
        guard let head = FileWindow(path: source.file.path)?.bytes(at: 0, count: 21), head.count == 21 else {
            return false
        }
        return head[12..<16].elementsEqual(Array("VP8X".utf8)) && head[20] & 2 != 0
    }
}
