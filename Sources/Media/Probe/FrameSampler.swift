import CFFmpeg
import PipelineKit

/// Decodes the first frames of a stream.
final class FrameSampler {
    /// Packets after which a stream counts as undecodable.
    private static let maximumPackets = 1200

    private let index: Int
    private let demuxer: Demuxer
    private let decoder: Decoder
    private let packet: Packet
    private var isAtEnd = false
    /// Number of packets sent to the decoder.
    private(set) var packets = 0

    /// - Parameter demuxer: A newly opened demuxer, used by nothing else: damaged files seek back unreliably.
    init(stream index: Int, of demuxer: Demuxer, log: MediaLog, threads: Int) throws(MediaError) {
        self.index = index
        self.demuxer = demuxer
        demuxer.keep([index])
        decoder = try Decoder(stream: index, of: demuxer, log: log, threads: threads)
        packet = try Packet()
    }

    /// FFmpeg's name of the codec.
    var codec: String { decoder.name }
    /// Codec profile reported by the decoder.
    var profile: String? { decoder.profile }
    /// Time base of the frames.
    var timeBase: Rational { demuxer.timeBase(of: index) }

    /// Decodes the first frame. A self-contained H.264 packet is flushed out of the decoder at once, which otherwise
    /// waits for several packets to determine the display order.
    /// - Returns: False at the end of the stream or at the packet limit.
    func first(into frame: Frame) throws(MediaError) -> Bool {
        guard let parameters = demuxer.parameters(of: index), parameters.codec_id == AV_CODEC_ID_H264,
            let start = RandomAccessDetector(parameters)
        else { return try next(into: frame) }
        repeat {
            guard try demuxer.read(into: packet) else {
                isAtEnd = true
                return false
            }
        } while packet.stream != index
        packets = 1
        if start.isRandomAccessPoint(packet) == true {
            try decoder.send(packet)
            try decoder.send(nil)
            // A single field is not a complete frame.
            if try decoder.receive(into: frame), !frame.isDamaged, !frame.isInterlaced { return true }
            decoder.flush()
        }
        try decoder.send(packet)
        return try next(into: frame)
    }

    /// Decodes the next frame.
    /// - Returns: False at the end of the stream or at the packet limit.
    func next(into frame: Frame) throws(MediaError) -> Bool {
        while true {
            if try decoder.receive(into: frame) { return true }
            if isAtEnd || packets >= Self.maximumPackets { return false }
            let more = try demuxer.read(into: packet)
            if more, packet.stream != index { continue }
            packets += 1
            isAtEnd = !more
            try decoder.send(more ? packet : nil)
        }
    }
}
