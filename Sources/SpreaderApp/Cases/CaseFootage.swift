import Foundation
import Media
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting

/// Creates the footage of a test case.
package enum CaseFootage {
    /// Writes the footage, its sidecar and the other files of a case into `folder`.
    /// - Returns: The name of the footage in the folder.
    /// - Throws: `StageError` if a file can't be written or encoded.
    static func make(_ pipelineCase: PipelineCase, in folder: URL) async throws(StageError) -> String {
        let name: String
        do throws(StageError) {
            name = try await make(pipelineCase.input, keepsSidecars: pipelineCase.sidecar == nil, in: folder)
        } catch {
            if error.code == .cancelled { throw error }
            throw StageError(.configuration, "the footage can't be created: \(error.message)", hint: error.hint)
        }
        let stem = folder.appending(path: name).deletingPathExtension()
        if let sidecar = pipelineCase.sidecar {
            let title = sidecar.stringValue
            let text = title ?? (try? sidecar.text()) ?? ""
            try write(Data(text.utf8), to: stem.appendingPathExtension(title == nil ? "json" : "txt"))
        }
        for (name, source) in pipelineCase.files.sorted(by: { $0.key < $1.key }) {
            try copy(source, to: folder.appending(path: name))
        }
        return name
    }

    private static func make(
        _ input: CaseInput, keepsSidecars: Bool, in folder: URL
    ) async throws(StageError) -> String {
        switch input {
        case .file(let path):
            let name = URL(filePath: path).lastPathComponent
            for source in [path] + (keepsSidecars ? Sidecar.paths(beside: path) : []) {
                try copy(source, to: folder.appending(path: URL(filePath: source).lastPathComponent))
            }
            return name
        case .text(let text, let name):
            try write(Data(text.utf8), to: folder.appending(path: name))
            return name
        case .clip(let clip):
            let path = folder.appending(path: clip.name).path
            try await BlockingWork.run(name: "clip") { (_) throws(StageError) in
                try MediaLibraries.loadFilters()
                do throws(MediaError) {
                    try sample(clip).write(to: path)
                } catch {
                    throw error.stageError()
                }
            }
            return clip.name
        }
    }

    private static func sample(_ clip: CaseClip) -> SampleClip {
        // NTSC rates such as 29.97 are fractions with the denominator 1001.
        let whole = clip.frameRate.rounded()
        let rate =
            abs(clip.frameRate - whole) < 0.001
            ? Rational(Int(whole), 1) : Rational(Int((clip.frameRate * 1001).rounded()), 1001)
        var sample =
            clip.isReady
            ? SampleClip.compliant(seconds: clip.seconds)
            : SampleClip(width: clip.width, height: clip.height, frameRate: rate, seconds: clip.seconds)
        sample.container = ["mkv": "matroska"][ending(clip)] ?? ending(clip)
        sample.rotation = clip.rotation
        switch clip.sound {
        case .none: sample.audio = nil
        case .silent: sample.audio?.frequency = 0
        case .tone: break
        }
        switch clip.codec {
        case _ where clip.isReady: break
        case "hevc":
            sample.video?.codec = "libx265"
            sample.video?.codecOptions = ["preset": "ultrafast", "x265-params": "log-level=none"]
        case "vp9":
            sample.video?.codec = "libvpx-vp9"
            sample.video?.codecOptions = ["deadline": "realtime", "cpu-used": "8"]
        case "prores":
            sample.video?.codec = "prores_ks"
            sample.video?.pixelFormat = "yuv422p10le"
            sample.video?.codecOptions = [:]
        case "mpeg4", "mjpeg":
            sample.video?.codec = clip.codec
            sample.video?.pixelFormat = clip.codec == "mjpeg" ? "yuvj420p" : "yuv420p"
            sample.video?.codecOptions = [:]
        default: break
        }
        if ending(clip) == "webm" {
            if clip.codec != "vp9" {
                sample.video?.codec = "libvpx-vp9"
                sample.video?.codecOptions = ["deadline": "realtime", "cpu-used": "8"]
            }
            sample.audio?.codec = "libopus"
            sample.audio?.sampleFormat = "flt"
        }
        return sample
    }

    private static func ending(_ clip: CaseClip) -> String { URL(filePath: clip.name).pathExtension.lowercased() }

    private static func write(_ data: Data, to file: URL) throws(StageError) {
        do {
            try data.write(to: file)
        } catch {
            throw StageError(.fileSystem, "can't write \(file.path): \(error.localizedDescription)")
        }
    }

    private static func copy(_ path: String, to target: URL) throws(StageError) {
        do {
            try FileManager.default.createDirectory(
                at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            // Copy the content, even if the path is a symbolic link.
            try FileManager.default.copyItem(at: URL(filePath: path).resolvingSymlinksInPath(), to: target)
        } catch {
            throw StageError(.fileSystem, "can't copy \(path): \(error.localizedDescription)")
        }
    }
}
