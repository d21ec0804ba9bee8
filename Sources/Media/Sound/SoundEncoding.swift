import Foundation
import PipelineKit

/// Encodes sound, or silence, behind the picture: never longer than it, never shorter. Used by one thread.
final class SoundEncoding {
    private let encoder: Encoder
    private let muxer: Muxer
    private let stream: Int
    private let queue: SampleQueue
    private let encoded: Packet
    private let clock: PictureClock
    /// Opened by the thread that encodes, once the level is known.
    private let open: () throws(MediaError) -> SoundSource?
    private var source: SoundSource?

    /// Samples given to the encoder.
    private var emitted = 0

    /// Packets of the source that could not be decoded.
    var refusedPackets: Int { source?.refusedPackets ?? 0 }
    /// Where the source's sound ended, in seconds of the delivery; nil without a source, or when it went on.
    private(set) var end: Double?

    /// - Parameter open: Gives the source; nil for silence.
    init(
        bitRate: Int64, muxer: Muxer, clock: PictureClock, log: MediaLog,
        open: @escaping () throws(MediaError) -> SoundSource?
    ) throws(MediaError) {
        self.muxer = muxer
        self.clock = clock
        self.open = open
        encoder = try Encoder(
            Encoder.Sound(
                codec: "aac", sampleRate: DeliverySpec.sampleRate, channels: 2, sampleFormat: "fltp",
                bitRate: bitRate), globalHeader: muxer.wantsGlobalHeader, log: log)
        stream = try muxer.addStream(from: encoder)
        queue = try SampleQueue(sampleRate: DeliverySpec.sampleRate, channels: 2)
        encoded = try Packet()
    }

    /// Encodes until the picture's end.
    func run() throws(MediaError) {
        source = try open()
        let rate = Double(DeliverySpec.sampleRate)
        var limit: Int?
        while true {
            try fill()
            let next = emitted + encoder.frameSize
            if limit == nil, let end = try clock.wait(for: Double(next) / rate) {
                limit = Int((end * rate).rounded())
            }
            guard let limit, next >= limit else {
                try emit(encoder.frameSize)
                continue
            }
            if limit > emitted { try emit(limit - emitted) }
            break
        }
        try encoder.send(nil)
        try drain()
    }

    /// Makes sure that a whole frame waits, as long as the source gives.
    private func fill() throws(MediaError) {
        guard let source, end == nil else { return }
        while queue.count < encoder.frameSize {
            guard let block = try source.next() else {
                end = source.seconds
                return
            }
            try queue.append(block)
        }
    }

    private func emit(_ samples: Int) throws(MediaError) {
        let frame = try queue.take(samples)
        frame.pts = Int64(emitted)
        emitted += samples
        try encoder.send(frame)
        try drain()
    }

    private func drain() throws(MediaError) {
        while try encoder.receive(into: encoded) {
            try muxer.write(encoded, stream: stream, timeBase: encoder.timeBase)
        }
    }
}
