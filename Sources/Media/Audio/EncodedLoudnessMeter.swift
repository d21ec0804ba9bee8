import PipelineKit

/// Measures audio as a player hears it, by decoding the encoder's packets.
final class EncodedLoudnessMeter {
    private let decoder: Decoder
    private let decoded: Frame
    private let block: Frame
    private let unit: Rational
    private let log: MediaLog
    private var graph: FilterGraph?
    /// The loudness of everything up to the end of each block.
    private var readings: [LoudnessReading] = []

    /// Number of samples in a block.
    private static let blockSize = DeliverySpec.sampleRate / 10
    /// Padded with silence, since the last block is measured only if it is complete.
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
        let blocks = (end + EncodedLoudnessMeter.blockSize - 1) / EncodedLoudnessMeter.blockSize
        return readings.prefix(blocks).last ?? LoudnessReading()
    }

    private func drain() throws(MediaError) {
        while try decoder.receive(into: decoded) {
            // Skip the encoder's priming samples, as players do.
            guard let time = decoded.time, time >= 0 else { continue }
            let graph: FilterGraph
            if let open = self.graph {
                graph = open
            } else {
                graph = try FilterGraph(audio: EncodedLoudnessMeter.filters, like: decoded, timeBase: unit, log: log)
                self.graph = graph
            }
            try graph.push(decoded)
            try measure(graph)
        }
    }

    private func measure(_ graph: FilterGraph) throws(MediaError) {
        while case .frame = try graph.pull(into: block) {
            guard block.samples == EncodedLoudnessMeter.blockSize else { continue }
            var reading = readings.last ?? LoudnessReading()
            reading.update(by: block)
            readings.append(reading)
        }
    }
}
