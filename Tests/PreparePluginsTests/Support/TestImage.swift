import Foundation
import PipelineKit
import Testing

@testable import Media

/// An image whose pixels can be looked at.
struct TestImage {
    let frame: Frame

    var width: Int { frame.width }
    var height: Int { frame.height }

    /// The frame of a video that is shown at a time.
    init(of video: String, at seconds: Double) throws {
        let reader = try FrameReader(path: video, cancellation: CancellationFlag())
        let filter = FrameFilter("[in]scale=in_color_matrix=bt709:in_range=tv,format=rgb24[out]", log: MediaLog())
        var found: Frame?
        try reader.frames(at: [seconds]) { (frame, _) throws(MediaError) in found = try filter.apply(frame) }
        frame = try #require(found)
    }

    /// An image file.
    init(file: String) throws {
        let graph = try FilterGraph(
            generating: StillImage.source(file) + ",format=rgb24[out]", isAudio: false, log: MediaLog())
        frame = try Frame()
        guard case .frame = try graph.pull(into: frame) else {
            throw MediaError("reading an image", text: "there is none", file: file)
        }
    }

    func pixel(_ x: Int, _ y: Int) throws -> (red: Int, green: Int, blue: Int) { try #require(frame.rgb(x: x, y: y)) }

    /// A box in shares of the image's sides.
    struct Box {
        var left: Double
        var top: Double
        var right: Double
        var bottom: Double

        var width: Double { right - left }
        var height: Double { bottom - top }
        /// Inside the free area as documented: clear of 7 % above, 11 % right, 17 % below, 6 % left.
        var isFree: Bool { left >= 0.055 && top >= 0.065 && right <= 0.895 && bottom <= 0.835 }
    }

    /// The box around the pixels that differ much from grey; nil when there are none.
    func drawn() throws -> Box? {
        let far = "'255*gt(abs(val-128),60)'"
        let filter = FrameFilter("[in]lutrgb=r=\(far):g=\(far):b=\(far),format=gray[out]", log: MediaLog())
        let marked = try #require(GrayImage(try filter.apply(Frame(sharing: frame))))
        guard let box = marked.extent(brighterThan: 12) else { return nil }
        let (across, down) = (Double(width), Double(height))
        return Box(
            left: Double(box.left) / across, top: Double(box.top) / down, right: Double(box.right + 1) / across,
            bottom: Double(box.bottom + 1) / down)
    }

    /// Writes an image that FFmpeg's filters make.
    static func write(_ filters: String, to path: String) throws {
        let graph = try FilterGraph(generating: filters + ",format=rgba[out]", isAudio: false, log: MediaLog())
        let frame = try Frame()
        _ = try graph.pull(into: frame)
        try StillFile.encode(frame, to: path, format: .png, log: MediaLog())
    }
}
