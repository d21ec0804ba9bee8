import PipelineKit

/// One encoding of a sound: packets in the order in which they are written, and what they measure once decoded.
final class SoundTake {
    private let encoder: Encoder
    private let source: SoundSource?
    private let queue: SampleQueue
    private let meter: EncodedMeter?
    private let log: MediaLog

    private var packets: [Packet] = []
    private var taken = 0

    /// Samples given to the encoder.
    private(set) var emitted = 0
    /// Whether all of it is encoded.
    private(set) var isFinished = false
    /// Where the source's sound ended, in seconds of the delivery; nil without a source, or when it went on.
    private(set) var sourceEnd: Double?

    /// - Parameters:
    ///   - source: The sound; nil for silence.
    ///   - isMeasured: Whether what comes out is measured.
    init(source: SoundSource?, encoder: Encoder, isMeasured: Bool, log: MediaLog) throws(MediaError) {
        self.source = source
        self.encoder = encoder
        self.log = log
        meter = isMeasured ? try EncodedMeter(of: encoder, log: log) : nil
        queue = try SampleQueue(sampleRate: DeliverySpec.sampleRate, channels: 2)
    }

    /// Packets of the source that could not be decoded.
    var refusedPackets: Int { source?.refusedPackets ?? 0 }
    /// Samples that the encoder wants at once.
    var frameSize: Int { encoder.frameSize }

    /// Encodes one block, silence where the source has ended.
    func encode() throws(MediaError) { try encode(frameSize) }

    /// Encodes what is missing up to `end` and the encoder's rest.
    /// - Parameter end: In samples.
    func finish(at end: Int) throws(MediaError) {
        while emitted < end { try encode(min(frameSize, end - emitted)) }
        try encoder.send(nil)
        try drain()
        try meter?.finish()
        isFinished = true
    }

    /// The next packet that was encoded; nil when more has to be encoded first.
    func next() -> Packet? {
        guard taken < packets.count else {
            packets.removeAll()
            taken = 0
            return nil
        }
        defer { taken += 1 }
        return packets[taken]
    }

    /// What was encoded measures once it is decoded, as far as `end` in samples; nil when nothing is measured.
    ///
    /// Known are blocks of a tenth of a second, a little less far than what was encoded until all of it is.
    func reading(to end: Int) -> LoudnessReading? { meter?.reading(to: end) }

    private func encode(_ samples: Int) throws(MediaError) {
        try fill(samples)
        let frame = try queue.take(samples)
        frame.pts = Int64(emitted)
        emitted += samples
        try encoder.send(frame)
        try drain()
    }

    /// Makes sure that as many samples wait, as long as the source gives.
    private func fill(_ samples: Int) throws(MediaError) {
        guard let source, sourceEnd == nil else { return }
        while queue.count < samples {
            guard let block = try source.next() else {
                sourceEnd = source.seconds
                return
            }
            try queue.append(block)
        }
    }

    private func drain() throws(MediaError) {
        while true {
            let packet = try Packet()
            guard try encoder.receive(into: packet) else { return }
            try meter?.take(packet)
            packets.append(packet)
        }
    }
}

/// Measures sound as a player gets it: the encoder's packets, decoded.
private final class EncodedMeter {
    private let decoder: Decoder
    private let decoded: Frame
    private let block: Frame
    private let unit: Rational
    private let log: MediaLog
    private var graph: FilterGraph?
    /// What everything up to a block measures, one after the other.
    private var readings: [LoudnessReading] = []

    /// Samples of a block.
    private static let blockSize = DeliverySpec.sampleRate / 10
    /// A last block is measured only when it is whole.
    private static let filters = "[in]apad=pad_len=\(blockSize),\(LoudnessMeter.filter)[out]"

    init(of encoder: Encoder, log: MediaLog) throws(MediaError) {
        self.log = log
        unit = encoder.timeBase
        decoder = try Decoder(of: encoder, log: log)
        (decoded, block) = (try Frame(), try Frame())
    }

    func take(_ packet: Packet) throws(MediaError) {
        try decoder.send(packet)
        try drain()
    }

    func finish() throws(MediaError) {
        try decoder.send(nil)
        try drain()
        guard let graph else { return }
        try graph.close(at: 0)
        try measure(graph)
    }

    func reading(to end: Int) -> LoudnessReading {
        let blocks = (end + EncodedMeter.blockSize - 1) / EncodedMeter.blockSize
        return readings.prefix(blocks).last ?? LoudnessReading()
    }

    private func drain() throws(MediaError) {
        while try decoder.receive(into: decoded) {
            // The encoder's run-up, which players leave out.
            guard let time = decoded.time, time >= 0 else { continue }
            let graph: FilterGraph
            if let open = self.graph {
                graph = open
            } else {
                graph = try FilterGraph(sound: EncodedMeter.filters, like: decoded, timeBase: unit, log: log)
                self.graph = graph
            }
            try graph.push(decoded)
            try measure(graph)
        }
    }

    private func measure(_ graph: FilterGraph) throws(MediaError) {
        while case .frame = try graph.pull(into: block) {
            guard block.samples == EncodedMeter.blockSize else { continue }
            var reading = readings.last ?? LoudnessReading()
            reading.update(by: block)
            readings.append(reading)
        }
    }
}
