import Foundation
import Media
import PipelineKit
import ProbePlugin
import SpreaderTesting
import TranscodePlugin

extension MediaFolder {
    /// Grey footage in the shape of the delivery, small.
    func greyFootage(_ name: String = "clip.mp4", seconds: Double = 0.2) throws -> SourceFile {
        var clip = SampleClip(width: 360, height: 640, seconds: seconds)
        clip.pattern = .plain("gray")
        clip.audio = nil
        return try source(name, clip)
    }

    /// Writes a clip and gives it as a source.
    func source(_ name: String, _ clip: SampleClip) throws -> SourceFile {
        try clip.write(to: path(name))
        let size = try FileManager.default.attributesOfItem(atPath: path(name))[.size] as? NSNumber
        return SourceFile(
            file: FileReference(path: path(name), bytes: size?.int64Value ?? 0), displayPath: name)
    }

    /// Takes footage through probe, the given stages and transcode.
    func prepare<Decorator: Stage>(
        _ source: SourceFile, with stages: [Decorator], options: [String: JSONValue] = [:]
    ) async throws -> PreparedVideo where Decorator.Input == ProbedMedia, Decorator.Output == ProbedMedia {
        let context = InMemoryHost().context(stage: "transcode", workDirectory: url.appending(path: "work"))
        var media = try await Probe(options: Probe.Options()).run(source, context)
        for stage in stages { media = try await stage.run(media, context) }
        let fast: [String: JSONValue] = ["preset": "ultrafast", "size": "360x640"]
        return try await Transcode(options: Transcode.Options.make(from: fast.merging(options) { $1 })).run(
            media, context)
    }

    /// A finished clip as `transcode` would hand it on.
    func prepared(_ name: String, _ clip: SampleClip) throws -> PreparedVideo {
        let source = try source(name, clip)
        return PreparedVideo(
            file: source.file, source: source, strategy: .encode, width: clip.video?.width ?? 0,
            height: clip.video?.height ?? 0, duration: clip.seconds,
            frameRate: clip.video?.frameRate ?? Rational(30, 1))
    }
}
