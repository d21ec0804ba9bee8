import Foundation
import Media
import PipelineKit

/// The files that cases start from.
struct Seeds: Sendable {
    /// Sorted, so that a case number always selects the same file.
    let files: [URL]
    /// In bytes. Larger files would make a case take seconds.
    private static let largest = 8_000_000

    /// Collects the named files and the files in the named folders.
    init(_ paths: [String]) throws {
        var found: [URL] = []
        for path in paths {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                throw StageError(.fileSystem, "\(path) does not exist")
            }
            let url = URL(filePath: path)
            found +=
                isFolder.boolValue
                ? try FileManager.default.contentsOfDirectory(at: url, includingPropertiesForKeys: nil) : [url]
        }
        files = found.filter { url in
            let size = (try? FileManager.default.attributesOfItem(atPath: url.path)[.size] as? NSNumber)?.intValue ?? 0
            return !["tsv", "json", "txt", "md"].contains(url.pathExtension) && (1...Self.largest).contains(size)
        }.sorted { $0.lastPathComponent < $1.lastPathComponent }
    }

    /// Generates clips of every container, and of codecs whose decoders are written by hand.
    init(generatedIn folder: URL) throws {
        var clips: [(String, SampleClip)] = [("fit.mp4", .compliant(seconds: 0.5))]
        func add(
            _ name: String, _ container: String, _ codec: String, pixels: String = "yuv420p",
            settings: [String: String] = [:], _ change: (inout SampleClip) -> Void = { _ in }
        ) {
            var clip = SampleClip(width: 160, height: 90, seconds: 0.5)
            clip.container = container
            clip.video?.codec = codec
            clip.video?.pixelFormat = pixels
            clip.video?.codecOptions = settings
            clip.video?.closedGroups = codec == "libx264"
            change(&clip)
            clips.append((name, clip))
        }
        let fast = ["preset": "ultrafast"]
        add("turned.mp4", "mp4", "libx264", settings: fast) { $0.rotation = 90 }
        add("fragmented.mp4", "mp4", "libx264", settings: fast) {
            $0.muxerSettings = ["movflags": "frag_keyframe+empty_moov"]
        }
        add("h264.mkv", "matroska", "libx264", settings: fast) {
            $0.audio?.codec = "flac"; $0.audio?.sampleFormat = "s16"
        }
        add("h264.ts", "mpegts", "libx264", settings: fast)
        add("mpeg4.avi", "avi", "mpeg4") { $0.audio?.codec = "ac3" }
        add("prores.mov", "mov", "prores_ks", pixels: "yuv422p10le") {
            $0.audio?.codec = "pcm_s16le"
            $0.audio?.sampleFormat = "s16"
        }
        add("mpeg2.mpg", "mpeg", "mpeg2video") {
            $0.audio?.codec = "mp2"; $0.audio?.sampleFormat = "s16"
        }
        add("ffv1.mkv", "matroska", "ffv1", pixels: "bgr0")
        try MediaLibraries.load()
        for (name, clip) in clips { try clip.write(to: folder.appending(path: name).path) }
        try self.init([folder.path])
    }
}
