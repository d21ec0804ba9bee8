import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Testing

@Suite struct LoudnessTests {
    /// Sine tones have the loudness of their level; `volume` sets it, `noise` makes peaks far above the rest.
    private func footage(
        _ folder: MediaFolder, level: Double, filters: String = "", compliant: Bool = false, seconds: Double = 4
    ) throws -> SourceFile {
        var clip = compliant ? SampleClip.compliant(seconds: seconds) : SampleClip(seconds: seconds)
        var audio = SampleClip.Audio()
        audio.frequency = 997
        audio.filters = "volume=\(level)dB" + (filters.isEmpty ? "" : "," + filters)
        clip.audio = audio
        return try folder.source("a.mp4", clip)
    }

    @Test(arguments: [-12.0, 4, 16]) func bringsAudioToTheLoudness(level: Double) async throws {
        let folder = try MediaFolder()
        let delivery = try await folder.deliver(footage(folder, level: level)) { $0.loudness = -14 }
        let reading = try AudioReader.loudness(of: delivery.path)
        #expect(abs((reading.integrated ?? 0) + 14) < 0.6, "\(reading)")
        #expect(reading.truePeak ?? 0 <= -1, "\(reading)")
        #expect(delivery.decision.audioReasons.contains { $0.contains("-14.0 LUFS") })
        try await meetsSpec(delivery, folder: folder)
    }

    @Test func holdsPeaksBelowTheCeiling() async throws {
        let folder = try MediaFolder()
        // A loud click every second over a tone.
        let click = "*0.8+0.7*lt(mod(t,1),0.002)"
        let clicks = "aeval=exprs='val(0)\(click)|val(1)\(click)':channel_layout=stereo"
        let source = try footage(folder, level: 0, filters: clicks)
        let plain = try await folder.deliver(source, as: "plain.mp4")
        let before = try AudioReader.loudness(of: plain.path)
        let delivery = try await folder.deliver(source) { $0.loudness = -14 }
        let after = try AudioReader.loudness(of: delivery.path)
        #expect(after.truePeak ?? 0 <= -1, "\(after)")
        #expect(before.truePeak ?? -99 > -4 && before.integrated ?? 0 < -16, "\(before)")
        #expect(abs((after.integrated ?? 0) + 14) <= 0.5, "\(before) became \(after)")
    }

    /// Audio that AAC at few bits changes: peaks come out higher, what is hard to encode softer.
    private enum Hard: String, CaseIterable, Sendable {
        case clicks = "0.15*(random(0)-0.5)+0.8*lt(mod(t,0.21),0.0005)"
        case bursts = "1.6*(random(0)-0.5)*lt(mod(t,0.25),0.12)"
    }

    @Test(arguments: Hard.allCases) private func holdsPeaksAndLoudnessOfWhatIsEncoded(hard: Hard) async throws {
        let folder = try MediaFolder()
        let source = try footage(
            folder, level: 0,
            filters: "aeval=exprs='\(hard.rawValue)|\(hard.rawValue)':channel_layout=stereo,alimiter=limit=0.9")
        let delivery = try await folder.deliver(source) {
            $0.loudness = -14
            $0.audioBitrate = 64_000
        }
        let reading = try AudioReader.loudness(of: delivery.path)
        #expect(reading.truePeak ?? 0 <= -1, "\(reading)")
        #expect(abs((reading.integrated ?? 0) + 14) <= 0.5, "\(reading)")
        #expect(delivery.decision.audioReasons.last == "the encoded audio measures \(reading)")
        try await meetsSpec(delivery, folder: folder)
    }

    @Test func saysWhenTheLoudnessIsOutOfReach() async throws {
        let folder = try MediaFolder()
        let delivery = try await folder.deliver(footage(folder, level: -40, seconds: 2)) { $0.loudness = -14 }
        let reading = try AudioReader.loudness(of: delivery.path)
        #expect(
            delivery.warnings.last == "the audio measures \(reading), not -14.0 LUFS with peaks of at most -1.0 dBTP")
    }

    @Test func audioEndsWithVideoThatEndsEarly() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 160, height: 90, seconds: 7)
        clip.muxerSettings = ["movflags": "+faststart"]
        var bytes = try Data(contentsOf: URL(fileURLWithPath: folder.source("whole.mp4", clip).file.path))
        // The header promises frames that can't be decoded.
        let damaged = bytes.count / 3
        bytes.replaceSubrange(damaged..., with: Data(count: bytes.count - damaged))
        let source = try folder.source("damaged.mp4", bytes: bytes)
        let delivery = try await folder.deliver(source) { $0.loudness = -14 }
        #expect(delivery.decision.excerpt.duration > 6.9 && delivery.duration < 6)
        try await meetsSpec(delivery, folder: folder)
    }

    @Test func leavesSilenceAlone() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(seconds: 2)
        clip.audio?.frequency = 0
        let delivery = try await folder.deliver(folder.source("a.mp4", clip)) { $0.loudness = -14 }
        let reading = try AudioReader.loudness(of: delivery.path)
        #expect(reading.integrated == nil && reading.truePeak ?? -99 < -60, "\(reading)")
    }

    @Test func copiesAudioThatIsLoudEnoughAndNeverEncodesTheVideoForIt() async throws {
        let folder = try MediaFolder()
        // A pure tone needs fewer bits than the spec asks for.
        let hiss = "+0.02*(random(0)-0.5)"
        let source = try footage(
            folder, level: -10, filters: "aeval=exprs='val(0)\(hiss)|val(1)\(hiss)':channel_layout=stereo",
            compliant: true)
        let level = try #require(
            try AudioReader.loudness(of: source.file.path).integrated)
        let same = try await folder.deliver(source, as: "same.mp4") { $0.loudness = level }
        #expect(same.decision.strategy == .copy && same.decision.audio == .copy)
        let copied = try AudioReader.loudness(of: same.path)
        #expect(abs((copied.integrated ?? 0) - level) <= 0.5 && copied.truePeak ?? 0 <= -1, "\(copied)")
        #expect(same.decision.audioReasons.contains { $0.contains("and measures \(copied)") })
        let louder = try await folder.deliver(source, as: "louder.mp4") { $0.loudness = level + 6 }
        #expect(louder.decision.strategy == .copy && louder.decision.audio == .encode)
        #expect(louder.decision.reasons.contains { $0.contains("it measures") })
        let reading = try AudioReader.loudness(of: louder.path)
        #expect(abs((reading.integrated ?? 0) - level - 6) < 0.6, "\(reading)")
    }

    @Test func measuresOnlyWhatIsDelivered() async throws {
        let folder = try MediaFolder()
        let source = try footage(folder, level: 0, filters: "volume=0.3:enable='gte(t,2)'")
        let delivery = try await folder.deliver(source) {
            $0.loudness = -20
            $0.trimStart = 2.2
        }
        let reading = try AudioReader.loudness(of: delivery.path)
        #expect(abs((reading.integrated ?? 0) + 20) < 0.6, "\(reading)")
    }
}
