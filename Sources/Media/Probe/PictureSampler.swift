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
