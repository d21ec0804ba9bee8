import Foundation
import PipelineKit

/// Encodes sound, or silence, behind the picture: never longer than it, never shorter. Used by one thread.
///
/// Sound that is brought to a loudness is encoded ahead of the picture, measured as a player will hear it, and encoded
/// again when the encoder moved it away from what was planned. Only then do its packets follow the picture.
final class SoundEncoding {
    private let settings: Encoder.Sound
    private let encoder: Encoder
    private let muxer: Muxer
    private let stream: Int
    private let clock: PictureClock
    private let opener: SoundOpener
    private let log: MediaLog

    private var take: SoundTake?

    /// Packets of the source that could not be decoded.
    var refusedPackets: Int { take?.refusedPackets ?? 0 }
    /// Where the source's sound ended, in seconds of the delivery; nil without a source, or when it went on.
    var end: Double? { take?.sourceEnd }
    /// What the encoded sound measures; nil when no loudness was wanted, and for silence.
    private(set) var reading: LoudnessReading?

    /// How often sound is encoded again because of what it measures.
    private static let corrections = 2
    /// Samples that have to be encoded beyond those that are measured.
    private static let runOut = DeliverySpec.sampleRate / 5

    init(
        bitRate: Int64, muxer: Muxer, clock: PictureClock, log: MediaLog, opener: SoundOpener
    ) throws(MediaError) {
        self.muxer = muxer
        self.clock = clock
        self.log = log
        self.opener = opener
        settings = Encoder.Sound(
            codec: "aac", sampleRate: DeliverySpec.sampleRate, channels: 2, sampleFormat: "fltp", bitRate: bitRate)
        encoder = try Encoder(settings, globalHeader: muxer.wantsGlobalHeader, log: log)
        stream = try muxer.addStream(from: encoder)
    }

    /// Encodes until the picture's end.
    func run() throws(MediaError) {
        let take = try bestTake()
        self.take = take
        var end: Int?
        while true {
            if let packet = take.next() {
                if end == nil { end = try pictureEnd(unlessBefore: Int(packet.pts ?? 0) + Int(packet.duration)) }
                try write(packet, before: end)
                continue
            }
            if take.isFinished { break }
            let next = take.emitted + take.frameSize
            if end == nil { end = try pictureEnd(unlessBefore: next) }
            if let end, next >= end { try take.finish(at: end) } else { try take.encode() }
        }
        if let end { reading = take.reading(to: end) }
    }

    /// A take whose level is as planned, encoded as far as that has to be known; one with nothing encoded yet when there
    /// is no plan.
    private func bestTake() throws(MediaError) -> SoundTake {
        guard var plan = try opener.plan() else {
            return try SoundTake(source: try opener.open(nil), encoder: encoder, isMeasured: false, log: log)
        }
        var take = try SoundTake(source: try opener.open(plan), encoder: encoder, isMeasured: true, log: log)
        for _ in 0..<SoundEncoding.corrections {
            let end = try encodeAhead(take)
            guard let reading = take.reading(to: end), let better = try opener.correct(plan, by: reading) else {
                return take
            }
            plan = better
            take = try SoundTake(
                source: try opener.open(plan),
                encoder: try Encoder(settings, globalHeader: muxer.wantsGlobalHeader, log: log), isMeasured: true,
                log: log)
        }
        return take
    }

    /// Encodes what the delivery is expected to hold, or its picture's end when that is known by now.
    /// - Returns: How much of it can be measured, in samples.
    private func encodeAhead(_ take: SoundTake) throws(MediaError) -> Int {
        while true {
            // Asked for each block, so that a job that has failed does not wait for its sound.
            let end = min(try pictureEnd(unlessBefore: 0) ?? .max, opener.expectedSamples)
            if take.emitted >= end + SoundEncoding.runOut { return end }
            try take.encode()
        }
    }

    /// Where the picture ends, in samples; nil when it goes on beyond `samples`, which is waited for.
    private func pictureEnd(unlessBefore samples: Int) throws(MediaError) -> Int? {
        let rate = Double(DeliverySpec.sampleRate)
        return try clock.wait(for: Double(samples) / rate).map { Int(saturating: ($0 * rate).rounded()) }
    }

    /// Writes a packet as far as it lies before the picture's end.
    private func write(_ packet: Packet, before end: Int?) throws(MediaError) {
        if let end, let pts = packet.pts, let dts = packet.dts {
            let left = Int64(end) - pts
            if left <= 0 { return }
            packet.setTimes(pts: pts, dts: dts, duration: min(packet.duration, left))
        }
        try muxer.write(packet, stream: stream, timeBase: encoder.timeBase)
    }
}
