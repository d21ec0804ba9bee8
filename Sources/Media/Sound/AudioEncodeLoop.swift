import Foundation
import PipelineKit

/// Encodes audio, or silence, to exactly the length of the video. Used by one thread.
///
/// With a target loudness, audio is encoded ahead of the video, measured as a player will hear it, and encoded again
/// if the encoder moved it away from the plan. Only then are its packets written, following the video.
final class AudioEncodeLoop {
    private let settings: Encoder.AudioSettings
    private let encoder: Encoder
    private let muxer: Muxer
    private let stream: Int
    private let clock: VideoProgressClock
    private let opener: AudioOpener
    private let log: MediaLog

    private var take: AudioEncodePass?

    /// Number of source packets that could not be decoded.
    var refusedPackets: Int { take?.refusedPackets ?? 0 }
    /// End of the source's audio in seconds of the delivery; nil without a source, or if its end was not reached.
    var end: Double? { take?.sourceEnd }
    /// Measurement of the encoded audio; nil without a target loudness, and for silence.
    private(set) var reading: LoudnessReading?

    /// Most times that audio is encoded again because of its measurement.
    private static let corrections = 2
    /// Samples to encode beyond those to be measured.
    private static let runOut = DeliverySpec.sampleRate / 5

    init(
        bitRate: Int64, muxer: Muxer, clock: VideoProgressClock, log: MediaLog, opener: AudioOpener
    ) throws(MediaError) {
        self.muxer = muxer
        self.clock = clock
        self.log = log
        self.opener = opener
        settings = Encoder.AudioSettings(
            codec: "aac", sampleRate: DeliverySpec.sampleRate, channels: 2, sampleFormat: "fltp", bitRate: bitRate)
        encoder = try Encoder(settings, globalHeader: muxer.wantsGlobalHeader, log: log)
        stream = try muxer.addStream(from: encoder)
    }

    /// Encodes and writes the audio up to the end of the video.
    func run() throws(MediaError) {
        let take = try bestTake()
        self.take = take
        var end: Int?
        while true {
            if let packet = take.next() {
                if end == nil { end = try videoEnd(unlessBefore: Int(packet.pts ?? 0) + Int(packet.duration)) }
                try write(packet, before: end)
                continue
            }
            if take.isFinished { break }
            let next = take.emitted + take.frameSize
            if end == nil { end = try videoEnd(unlessBefore: next) }
            if let end, next >= end { try take.finish(at: end) } else { try take.encode() }
        }
        if let end { reading = take.reading(to: end) }
    }

    /// The first pass whose loudness is as planned, encoded just far enough to measure it. Without a plan, a pass that
    /// has encoded nothing yet.
    private func bestTake() throws(MediaError) -> AudioEncodePass {
        guard var plan = try opener.plan() else {
            return try AudioEncodePass(source: try opener.open(nil), encoder: encoder, isMeasured: false, log: log)
        }
        var take = try AudioEncodePass(source: try opener.open(plan), encoder: encoder, isMeasured: true, log: log)
        for _ in 0..<AudioEncodeLoop.corrections {
            let end = try encodeAhead(take)
            guard let reading = take.reading(to: end), let better = try opener.correct(plan, by: reading) else {
                return take
            }
            plan = better
            take = try AudioEncodePass(
                source: try opener.open(plan),
                encoder: try Encoder(settings, globalHeader: muxer.wantsGlobalHeader, log: log), isMeasured: true,
                log: log)
        }
        return take
    }

    /// Encodes up to the expected length of the delivery, or up to the end of the video once that is known.
    /// - Returns: Number of samples that can be measured.
    private func encodeAhead(_ take: AudioEncodePass) throws(MediaError) -> Int {
        while true {
            // Checked before every block: throws if the job has failed, so that it need not wait for its audio.
            let end = min(try videoEnd(unlessBefore: 0) ?? .max, opener.expectedSamples)
            if take.emitted >= end + AudioEncodeLoop.runOut { return end }
            try take.encode()
        }
    }

    /// The end of the video in samples. Blocks until it is known, or returns nil once the video has passed `samples`.
    private func videoEnd(unlessBefore samples: Int) throws(MediaError) -> Int? {
        let rate = Double(DeliverySpec.sampleRate)
        return try clock.wait(for: Double(samples) / rate).map { Int(saturating: ($0 * rate).rounded()) }
    }

    /// Writes a packet, shortened or dropped if it extends past the end of the video.
    private func write(_ packet: Packet, before end: Int?) throws(MediaError) {
        if let end, let pts = packet.pts, let dts = packet.dts {
            let left = Int64(end) - pts
            if left <= 0 { return }
            packet.setTimes(pts: pts, dts: dts, duration: min(packet.duration, left))
        }
        try muxer.write(packet, stream: stream, timeBase: encoder.timeBase)
    }
}
