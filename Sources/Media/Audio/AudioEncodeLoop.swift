import Foundation
import PipelineKit

/// Encodes audio, or silence, to exactly the length of the video. Used by one thread.
///
/// With a target loudness, audio is encoded ahead of the video, measured as a player will hear it, and encoded again
/// if the encoder moved it away from the plan. Only then are its packets written, following the video.
final class AudioEncodeLoop {
    private let settings: Encoder.AudioSettings
    private let encoder: Encoder
    private let output: OutputFile
    private let stream: Int
    private let opener: AudioOpener

    private var pass: AudioEncodePass?
    private var log: MediaLog { opener.task.source.log }

    /// Number of source packets that could not be decoded.
    var refusedPackets: Int { pass?.refusedPackets ?? 0 }
    /// End of the source's audio in seconds of the delivery; nil without a source, or if its end was not reached.
    var end: Double? { pass?.sourceEnd }
    /// Measurement of the encoded audio; nil without a target loudness, and for silence.
    private(set) var reading: LoudnessReading?

    /// Most times that audio is encoded again because of its measurement.
    private static let corrections = 2
    /// Samples to encode beyond those to be measured.
    private static let runOut = DeliverySpec.sampleRate / 5

    init(_ opener: AudioOpener, output: OutputFile) throws(MediaError) {
        self.opener = opener
        self.output = output
        settings = Encoder.AudioSettings(
            codec: "aac", sampleRate: DeliverySpec.sampleRate, channels: 2, sampleFormat: "fltp",
            bitRate: opener.task.options.audioBitrate)
        encoder = try Encoder(
            settings, globalHeader: output.muxer.wantsGlobalHeader, log: opener.task.source.log)
        stream = try output.muxer.addStream(from: encoder)
    }

    /// Encodes and writes the audio up to the end of the video.
    func run() throws(MediaError) {
        let pass = try bestPass()
        self.pass = pass
        var end: Int?
        while true {
            if let packet = pass.next() {
                if end == nil { end = try videoEnd(unlessBefore: Int(packet.pts ?? 0) + Int(packet.duration)) }
                try write(packet, before: end)
                continue
            }
            if pass.isFinished { break }
            let next = pass.emitted + pass.frameSize
            if end == nil { end = try videoEnd(unlessBefore: next) }
            if let end, next >= end { try pass.finish(at: end) } else { try pass.encode() }
        }
        if let end { reading = pass.reading(to: end) }
    }

    /// The first pass whose loudness is as planned, encoded just far enough to measure it. Without a plan, a pass that
    /// has encoded nothing yet.
    private func bestPass() throws(MediaError) -> AudioEncodePass {
        guard var plan = try opener.plan() else {
            return try AudioEncodePass(source: try opener.open(nil), encoder: encoder, isMeasured: false, log: log)
        }
        var pass = try AudioEncodePass(source: try opener.open(plan), encoder: encoder, isMeasured: true, log: log)
        for _ in 0..<AudioEncodeLoop.corrections {
            let end = try encodeAhead(pass)
            guard let reading = pass.reading(to: end), let better = try opener.correct(plan, by: reading) else {
                return pass
            }
            plan = better
            let encoder = try Encoder(settings, globalHeader: output.muxer.wantsGlobalHeader, log: log)
            pass = try AudioEncodePass(source: try opener.open(plan), encoder: encoder, isMeasured: true, log: log)
        }
        return pass
    }

    /// Encodes up to the expected length of the delivery, or up to the end of the video once that is known.
    /// - Returns: Number of samples that can be measured.
    private func encodeAhead(_ pass: AudioEncodePass) throws(MediaError) -> Int {
        while true {
            // Checked before every block: throws if the job has failed, so that it need not wait for its audio.
            let end = min(try videoEnd(unlessBefore: 0) ?? .max, opener.expectedSamples)
            if pass.emitted >= end + AudioEncodeLoop.runOut { return end }
            try pass.encode()
        }
    }

    /// The end of the video in samples. Blocks until it is known, or returns nil once the video has passed `samples`.
    private func videoEnd(unlessBefore samples: Int) throws(MediaError) -> Int? {
        let rate = Double(DeliverySpec.sampleRate)
        return try output.clock.wait(for: Double(samples) / rate).map { Int(saturating: ($0 * rate).rounded()) }
    }

    /// Writes a packet, shortened or dropped if it extends past the end of the video.
    private func write(_ packet: Packet, before end: Int?) throws(MediaError) {
        if let end, let pts = packet.pts, let dts = packet.dts {
            let left = Int64(end) - pts
            if left <= 0 { return }
            packet.setTimes(pts: pts, dts: dts, duration: min(packet.duration, left))
        }
        try output.muxer.write(packet, stream: stream, timeBase: encoder.timeBase)
    }
}
