import Foundation
import PipelineKit

/// Decodes, converts and encodes the sound, or makes silence; never longer than the picture, never shorter.
final class SoundEncodingLane: DeliveryLane {
    private let encoder: Encoder
    private let muxer: Muxer
    private let output: Int
    private let log: MediaLog
    private let cancellation: CancellationFlag
    private let queue: SampleQueue
    private let encoded: Packet
    private let source: Source?
    /// Where the delivery ends at the latest, in seconds.
    private let limit: Double

    /// Samples that came out of the filters, queued or encoded.
    private var produced = 0
    /// Samples given to the encoder.
    private var emitted = 0

    /// The decoding half; absent when the lane makes silence.
    private final class Source {
        let decoder: Decoder
        let timeBase: Rational
        let origin: Int64
        let decoded: Frame
        let filtered: Frame
        var graph: FilterGraph?
        var shape: [Int] = []
        var expected: Int64?

        init(demuxer: Demuxer, index: Int, start: Double, log: MediaLog) throws(MediaError) {
            decoder = try Decoder(stream: index, of: demuxer, log: log, threads: 1)
            timeBase = demuxer.timeBase(of: index)
            origin = ticks(start, timeBase.av)
            decoded = try Frame()
            filtered = try Frame()
        }
    }

    /// A lane.
    /// - Parameters:
    ///   - index: The stream to decode; nil for silence.
    ///   - limit: Where the delivery ends at the latest, in seconds.
    init(
        demuxer: Demuxer, stream index: Int?, start: Double, limit: Double, bitRate: Int64, muxer: Muxer,
        log: MediaLog, cancellation: CancellationFlag
    ) throws(MediaError) {
        self.limit = limit
        self.muxer = muxer
        self.log = log
        self.cancellation = cancellation
        let sound = Encoder.Sound(
            codec: "aac", sampleRate: DeliverySpec.sampleRate, channels: 2, sampleFormat: "fltp", bitRate: bitRate)
        encoder = try Encoder(sound, globalHeader: muxer.wantsGlobalHeader, log: log)
        output = try muxer.addStream(from: encoder)
        queue = try SampleQueue(sampleRate: DeliverySpec.sampleRate, channels: 2)
        encoded = try Packet()
        if let index {
            source = try Source(demuxer: demuxer, index: index, start: start, log: log)
        } else {
            source = nil
        }
    }

    var seconds: Double { Double(produced) / Double(DeliverySpec.sampleRate) }
    /// Whether there is sound to decode.
    var hasSource: Bool { source != nil }
    /// Packets that could not be decoded.
    var refusedPackets: Int { source?.decoder.refusedPackets ?? 0 }

    func accept(_ packet: Packet) throws(MediaError) {
        guard let source else { return }
        try source.decoder.send(packet)
        try drain(source)
    }

    /// Takes what the decoder still holds; afterwards ``seconds`` is where the sound ends.
    func endOfSource() throws(MediaError) {
        guard let source else { return }
        try source.decoder.send(nil)
        try drain(source)
        guard let graph = source.graph else { return }
        try graph.close(at: source.expected ?? 0)
        try drain(graph, of: source)
    }

    /// Encodes what is there, but not beyond `end` seconds.
    func encode(upTo end: Double) throws(MediaError) {
        let limit = Int((end * Double(DeliverySpec.sampleRate)).rounded())
        while queue.count >= encoder.frameSize, emitted + encoder.frameSize <= limit {
            try emit(encoder.frameSize)
        }
    }

    /// Ends the sound exactly at `end` seconds, with silence where there is none.
    func finish(at end: Double) throws(MediaError) {
        let limit = Int((end * Double(DeliverySpec.sampleRate)).rounded())
        while emitted < limit {
            try cancellation.check("encoding sound")
            try emit(min(encoder.frameSize, limit - emitted))
        }
        try encoder.send(nil)
        try drainEncoder()
    }

    private func drain(_ source: Source) throws(MediaError) {
        while try source.decoder.receive(into: source.decoded) {
            try cancellation.check("decoding sound")
            let frame = source.decoded
            guard frame.samples > 0, frame.sampleRate > 0 else { continue }
            let time = frame.time.map { $0 - source.origin } ?? source.expected ?? 0
            let length = (Double(frame.samples) / Double(frame.sampleRate))
            frame.pts = time
            source.expected = time + ticks(length, source.timeBase.av)
            // What lies beyond the end would only be bridged with silence, hours of it in damaged files.
            if Double(time) * (source.timeBase.value ?? 0) > limit { continue }
            frame.normaliseLayout()
            let shape = [frame.sampleRate, frame.channels, frame.sampleFormat]
            if shape != source.shape {
                if let graph = source.graph {
                    try graph.close(at: time)
                    try drain(graph, of: source)
                }
                source.graph = try FilterGraph(
                    sound: Self.filters(channels: frame.channels, start: produced), like: frame,
                    timeBase: source.timeBase, log: log)
                source.shape = shape
            }
            guard let graph = source.graph else { continue }
            try graph.push(frame)
            try drain(graph, of: source)
        }
    }

    private func drain(_ graph: FilterGraph, of source: Source) throws(MediaError) {
        while try graph.pull(into: source.filtered) == .frame {
            try queue.append(source.filtered)
            produced += source.filtered.samples
        }
    }

    /// Gaps are filled and overlaps cut by timestamp; mono goes to both sides unchanged; more channels are mixed down
    /// so that nothing clips.
    static func filters(channels: Int, start: Int) -> String {
        let rate = DeliverySpec.sampleRate
        let resample =
            "aresample=\(rate):async=1:min_hard_comp=0.1:first_pts=\(start):rematrix_maxval=1.0"
        let pan = channels == 1 ? "pan=stereo|c0=c0|c1=c0," : channels > 8 ? "pan=stereo|c0=c0|c1=c1," : ""
        return "[in]\(pan)\(resample),aformat=sample_fmts=fltp:sample_rates=\(rate):channel_layouts=stereo[out]"
    }

    private func emit(_ samples: Int) throws(MediaError) {
        let frame = try queue.take(samples)
        frame.pts = Int64(emitted)
        emitted += samples
        try encoder.send(frame)
        try drainEncoder()
    }

    private func drainEncoder() throws(MediaError) {
        while try encoder.receive(into: encoded) {
            try muxer.write(encoded, stream: output, timeBase: encoder.timeBase)
        }
    }
}
