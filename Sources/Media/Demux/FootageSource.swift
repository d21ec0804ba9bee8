import PipelineKit

/// Opens the footage for the threads of a delivery: each reads one stream at its own pace.
struct FootageSource {
    let media: ProbedMedia
    let log: MediaLog
    let cancellation: CancellationFlag

    /// Seconds below which reading is as fast as seeking.
    private static let seekThreshold = 5.0

    /// Opens a demuxer for one stream that starts reading at or before the last keyframe before `start`.
    ///
    /// If seeking is not reliable, reading starts at the beginning of the file, and ``KeyframePreroll`` skips the packets that need
    /// no decoding.
    /// - Parameters:
    ///   - start: In seconds of the footage's timeline.
    ///   - needsStreamInfo: Whether to probe the stream beyond the container's header.
    func demuxer(keeping index: Int, from start: Double, needsStreamInfo: Bool = true) throws(MediaError) -> Demuxer {
        let demuxer = try self.demuxer(needsStreamInfo: needsStreamInfo)
        demuxer.keep([index])
        let first =
            media.video.first { $0.index == index }?.startTime
            ?? media.audio.first { $0.index == index }?.startTime
        guard isIndexed, !needsFirstPacket(index), let first, start - first > FootageSource.seekThreshold else {
            return demuxer
        }
        if demuxer.seek(stream: index, to: start), try starts(demuxer, stream: index, by: start),
            demuxer.seek(stream: index, to: start)
        {
            return demuxer
        }
        let reopened = try self.demuxer(needsStreamInfo: needsStreamInfo)
        reopened.keep([index])
        return reopened
    }

    /// Whether decoding depends on the stream's first packet, which alone carries x264's version: old versions encoded
    /// 4:4:4 in a way of their own, and decoders recognise it by the version.
    private func needsFirstPacket(_ index: Int) -> Bool {
        media.video.contains { $0.index == index && $0.codec == "h264" && $0.pixelFormat.hasPrefix("yuv444") }
    }

    private var isIndexed: Bool { Demuxer.isIndexed(media.container) }

    /// Opens a demuxer at the beginning of the footage.
    /// - Parameter needsStreamInfo: Whether to probe the streams beyond the container's header.
    func demuxer(needsStreamInfo: Bool) throws(MediaError) -> Demuxer {
        try Demuxer(
            path: media.source.file.path, log: log, cancellation: cancellation,
            description: needsStreamInfo || !isIndexed ? .decoding : .header)
    }

    /// Whether the next packet of a stream is a keyframe at or before `start`, in seconds.
    private func starts(_ demuxer: Demuxer, stream index: Int, by start: Double) throws(MediaError) -> Bool {
        let packet = try Packet()
        while try demuxer.read(into: packet) {
            guard packet.stream == index else { continue }
            guard packet.isKey, let time = packet.pts ?? packet.dts else { return false }
            return Double(time) * (demuxer.timeBase(of: index).value ?? 0) <= start + 1e-6
        }
        return false
    }
}
