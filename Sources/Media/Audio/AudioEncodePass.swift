/// One encoding pass over the audio: its packets in the order of writing, and their loudness once decoded.
final class AudioEncodePass {
    private let encoder: Encoder
    private let source: AudioSource?
    private let queue: SampleQueue
    private let meter: EncodedLoudnessMeter?
    private let log: MediaLog

    private var packets: [Packet] = []
    private var nextPacket = 0

    /// Number of samples sent to the encoder.
    private(set) var emitted = 0
    /// Whether everything is encoded and flushed.
    private(set) var isFinished = false
    /// End of the source's audio in seconds of the delivery; nil without a source, or if its end was not reached.
    private(set) var sourceEnd: Double?

    /// - Parameters:
    ///   - source: The audio to encode; nil for silence.
    ///   - isMeasured: Whether to measure the loudness of the encoded audio.
    init(source: AudioSource?, encoder: Encoder, isMeasured: Bool, log: MediaLog) throws(MediaError) {
        self.source = source
        self.encoder = encoder
        self.log = log
        meter = isMeasured ? try EncodedLoudnessMeter(of: encoder, log: log) : nil
        queue = try SampleQueue(sampleRate: DeliverySpec.sampleRate, channels: 2)
    }

    /// Number of source packets that could not be decoded.
    var refusedPackets: Int { source?.refusedPackets ?? 0 }
    /// Number of samples per frame of the encoder.
    var frameSize: Int { encoder.frameSize }

    /// Encodes one frame, filled with silence after the end of the source.
    func encode() throws(MediaError) { try encode(frameSize) }

    /// Encodes the remaining audio up to `end` and flushes the encoder.
    /// - Parameter end: End of the audio in samples.
    func finish(at end: Int) throws(MediaError) {
        while emitted < end { try encode(min(frameSize, end - emitted)) }
        try encoder.send(nil)
        try drain()
        try meter?.finish()
        isFinished = true
    }

    /// Returns the next encoded packet; nil if more audio must be encoded first.
    func next() -> Packet? {
        guard nextPacket < packets.count else {
            packets.removeAll()
            nextPacket = 0
            return nil
        }
        defer { nextPacket += 1 }
        return packets[nextPacket]
    }

    /// The loudness of the encoded audio up to `end` in samples, once decoded; nil if this pass is not measured.
    ///
    /// Readings exist for every tenth of a second. Until the pass is finished, they end slightly before the last
    /// encoded sample.
    func reading(to end: Int) -> LoudnessReading? { meter?.reading(to: end) }

    private func encode(_ samples: Int) throws(MediaError) {
        try fill(samples)
        let frame = try queue.take(samples)
        frame.pts = Int64(emitted)
        emitted += samples
        try encoder.send(frame)
        try drain()
    }

    /// Fills the queue with at least `samples` samples, unless the source ends.
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
