import CFFmpeg
import PipelineKit

extension Demuxer {
    /// Goes to the last key frame of a stream at or before `seconds`, as the container's index has it.
    /// - Returns: False when the container can't; the position is then unknown.
    func seek(stream index: Int, to seconds: Double) -> Bool {
        let time = ticks(seconds, timeBase(of: index).av)
        return avformat_seek_file(pointer, Int32(index), Int64.min, time, time, 0) >= 0
    }

    /// The codec's configuration as the container keeps it; empty when there is none.
    func extradata(of index: Int) -> UnsafeBufferPointer<UInt8> {
        guard let parameters = stream(index)?.pointee.codecpar?.pointee, let data = parameters.extradata else {
            return UnsafeBufferPointer(start: nil, count: 0)
        }
        return UnsafeBufferPointer(start: data, count: Int(parameters.extradata_size))
    }

    /// Pictures between a picture's place in the stream and on the screen.
    func reorder(of index: Int) -> Int { Int(stream(index)?.pointee.codecpar.pointee.video_delay ?? 0) }
}

/// Opens footage for the lanes of a delivery: each reads one stream at its own pace.
struct FootageSource {
    let media: ProbedMedia
    let log: MediaLog
    let cancellation: CancellationFlag

    /// Below this distance reading on is as quick as seeking.
    private static let shortWay = 5.0

    /// A demuxer that gives one stream, at the latest from the last key frame before `start` on.
    ///
    /// Where seeking may miss, reading starts at the beginning: ``LeadIn`` then skips what need not be decoded.
    /// - Parameters:
    ///   - start: In the footage's own time, in seconds.
    ///   - needsStreamInfo: Whether the stream must be looked into beyond the container's header.
    func demuxer(keeping index: Int, from start: Double, needsStreamInfo: Bool = true) throws(MediaError) -> Demuxer {
        let demuxer = try self.demuxer(needsStreamInfo: needsStreamInfo)
        demuxer.keep([index])
        let first =
            media.video.first { $0.index == index }?.startTime
            ?? media.audio.first { $0.index == index }?.startTime
        guard isIndexed, !needsFirstPacket(index), let first, start - first > FootageSource.shortWay else {
            return demuxer
        }
        if demuxer.seek(stream: index, to: start), try starts(demuxer, stream: index, by: start),
            demuxer.seek(stream: index, to: start)
        {
            return demuxer
        }
        let fresh = try self.demuxer(needsStreamInfo: needsStreamInfo)
        fresh.keep([index])
        return fresh
    }

    /// Whether decoding needs what only a stream's first packet says: x264's version. Its old versions wrote 4:4:4 in
    /// their own way, which the decoder knows by that alone.
    private func needsFirstPacket(_ index: Int) -> Bool {
        media.video.contains { $0.index == index && $0.codec == "h264" && $0.pixelFormat.hasPrefix("yuv444") }
    }

    private var isIndexed: Bool { Demuxer.isIndexed(media.container) }

    /// A demuxer at the beginning of the footage.
    /// - Parameter needsStreamInfo: Whether the streams must be looked into beyond the container's header.
    func demuxer(needsStreamInfo: Bool) throws(MediaError) -> Demuxer {
        try Demuxer(
            path: media.source.file.path, log: log, cancellation: cancellation,
            description: needsStreamInfo || !isIndexed ? .decoding : .header)
    }

    /// Whether the next packet of a stream is one that decoding can start with, in time for `start`.
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
