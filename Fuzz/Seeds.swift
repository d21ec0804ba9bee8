import Foundation
import Media
import PipelineKit

/// The files that cases start from.
struct Seeds: Sendable {
    /// Sorted, so that a case number always selects the same file.
    let files: [URL]
    /// In bytes. Larger files would make a case take seconds.
    private static let maxFileSize = 8_000_000

    /// Collects the named files and the files in the named folders.
    init(_ paths: [String]) throws {
        let found = try paths.flatMap { path in
            guard let files = try URL.files(at: path) else {
                throw StageError(.fileSystem, "\(path) does not exist")
            }
            return files
        }
        files = found.filter { url in
            let size = (try? FileManager.default.attributesOfItem(atPath: url.path)[.size] as? NSNumber)?.intValue ?? 0
            return !["tsv", "json", "txt", "md"].contains(url.pathExtension) && (1...Self.maxFileSize).contains(size)
        }.sorted { $0.lastPathComponent < $1.lastPathComponent }
    }

    /// Generates clips of every container, and of codecs whose decoders are written by hand.
    init(generatedIn folder: URL) throws {
        var clips: [(String, SampleClip)] = [("fit.mp4", .compliant(seconds: 0.5))]
        func add(
            _ name: String, container: String, codec: String, pixelFormat: String = "yuv420p",
            settings: [String: String] = [:], change: (inout SampleClip) -> Void = { _ in }
        ) {
            var clip = SampleClip(width: 160, height: 90, seconds: 0.5)
            clip.container = container
            clip.video?.codec = codec
            clip.video?.pixelFormat = pixelFormat
            clip.video?.codecOptions = settings
            clip.video?.closedGroups = codec == "libx264"
            change(&clip)
            clips.append((name, clip))
        }
        let fast = ["preset": "ultrafast"]
        add("turned.mp4", container: "mp4", codec: "libx264", settings: fast) { $0.rotation = 90 }
        add("fragmented.mp4", container: "mp4", codec: "libx264", settings: fast) {
            $0.muxerSettings = ["movflags": "frag_keyframe+empty_moov"]
        }
        add("h264.mkv", container: "matroska", codec: "libx264", settings: fast) {
            $0.audio?.codec = "flac"
            $0.audio?.sampleFormat = "s16"
        }
        add("h264.ts", container: "mpegts", codec: "libx264", settings: fast)
        add("mpeg4.avi", container: "avi", codec: "mpeg4") { $0.audio?.codec = "ac3" }
        add("prores.mov", container: "mov", codec: "prores_ks", pixelFormat: "yuv422p10le") {
            $0.audio?.codec = "pcm_s16le"
            $0.audio?.sampleFormat = "s16"
        }
        add("mpeg2.mpg", container: "mpeg", codec: "mpeg2video") {
            $0.audio?.codec = "mp2"
            $0.audio?.sampleFormat = "s16"
        }
        add("ffv1.mkv", container: "matroska", codec: "ffv1", pixelFormat: "bgr0")
        try MediaLibraries.load()
        for (name, clip) in clips { try clip.write(to: folder.appending(path: name).path) }
        try self.init([folder.path])
    }
}
