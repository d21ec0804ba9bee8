import CFFmpeg
import PipelineKit

/// Decodes the first pictures of a stream.
final class PictureSampler {
    /// Packets after which a stream counts as undecodable.
    private static let maximumPackets = 1200

    private let index: Int
    private let demuxer: Demuxer
    private let decoder: Decoder
    private let packet: Packet
    private var isAtEnd = false
    /// Packets given to the decoder.
    private(set) var packets = 0

    /// A sampler with a demuxer of its own: going back is what damaged files do worst.
    init(stream index: Int, of demuxer: Demuxer, log: MediaLog, threads: Int) throws(MediaError) {
        self.index = index
        self.demuxer = demuxer
        demuxer.keep([index])
        decoder = try Decoder(stream: index, of: demuxer, log: log, threads: threads)
        packet = try Packet()
    }

    /// FFmpeg's name of the codec.
    var codec: String { decoder.name }
    /// Profile as the decoder found it.
    var profile: String? { decoder.profile }
    /// The unit of the frames' times.
    var timeBase: Rational { demuxer.timeBase(of: index) }

    /// Decodes the first picture, of H.264 from its packet alone where that says that it can be: a decoder that waits for
    /// the order of display asks for several pictures first.
    /// - Returns: False when there is none, or none within reach.
    func first(into frame: Frame) throws(MediaError) -> Bool {
        guard let parameters = demuxer.parameters(of: index), parameters.codec_id == AV_CODEC_ID_H264,
            let start = PictureStart(parameters)
        else { return try next(into: frame) }
        repeat {
            guard try demuxer.read(into: packet) else {
                isAtEnd = true
                return false
            }
        } while packet.stream != index
        packets = 1
        if start.standsAlone(packet) == true {
            try decoder.send(packet)
            try decoder.send(nil)
            // A field without its companion is no picture yet.
            if try decoder.receive(into: frame), !frame.isDamaged, !frame.isInterlaced { return true }
            decoder.flush()
        }
        try decoder.send(packet)
        return try next(into: frame)
    }

    /// Decodes the next picture.
    /// - Returns: False when there is none, or none within reach.
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
