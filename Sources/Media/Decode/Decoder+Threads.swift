import Foundation
import PipelineKit

extension Decoder {
    /// Pixels per second that one thread decodes while the encoder is running: 1080p at 60 fps, or a quarter of that
    /// for codecs that are harder to decode.
    private static let pixelsPerThread = 1920.0 * 1080 * 60

    /// Number of decoder threads for a track. Filters and encoder run their own threads at the same time, so the
    /// decoder must not take every core; and each thread holds its own frames, which costs memory with 4K footage.
    static func threads(for track: VideoTrack) -> Int {
        let processors = max(1, ProcessInfo.processInfo.activeProcessorCount)
        let rate = track.averageFrameRate.value.map { min(max($0, 1), 240) } ?? 30
        let isHard = track.bitDepth > 8 || !["h264", "mpeg2video", "mpeg4", "mjpeg", "vp8"].contains(track.codec)
        let load = Double(track.codedWidth) * Double(track.codedHeight) * rate / pixelsPerThread * (isHard ? 4 : 1)
        return min(processors + 1, max(1, Int(load.rounded(.up))))
    }
}
