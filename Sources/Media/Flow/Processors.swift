import Foundation
import PipelineKit

/// How the machine's cores are shared out: decoding and filters have threads of their own beside the encoder's, so none
/// of them needs more than its part.
enum Processors {
    private static var count: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

    /// Pixels a second that one thread decodes while the encoder works on them: 1080p at 60 frames a second, or a
    /// quarter of that for codecs that are harder to decode.
    private static let pixelsPerThread = 1920.0 * 1080 * 60

    /// Threads of a decoder. Each holds frames of its own, which is what 4K footage costs in memory.
    static func decoderThreads(for track: VideoTrack) -> Int {
        let rate = track.averageFrameRate.value.map { min(max($0, 1), 240) } ?? 30
        let isHard = track.bitDepth > 8 || !["h264", "mpeg2video", "mpeg4", "mjpeg", "vp8"].contains(track.codec)
        let load = Double(track.codedWidth) * Double(track.codedHeight) * rate / pixelsPerThread * (isHard ? 4 : 1)
        return min(count + 1, max(1, Int(load.rounded(.up))))
    }
}
