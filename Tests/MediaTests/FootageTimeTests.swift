import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Testing

/// Clocks that wrap, jump, start late or are missing.
@Suite struct FootageTimeTests {
    /// The clock of MPEG streams has 33 bits of 90 kHz and wraps after 95443.7 s.
    @Test func joinsAClockThatWraps() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 320, height: 568, seconds: 3)
        clip.container = "mpegts"
        clip.muxerSettings = ["output_ts_offset": "95442"]
        let source = try folder.source("wrap.ts", clip)
        let media = try await MediaProbe.probe(source)
        #expect(abs(media.duration - 3) < 0.1)
        #expect(media.videoTrack?.constantFrameRate == true && media.expectedFrames == 90)
        let delivery = try await folder.deliver(source)
        #expect(abs(delivery.duration - 3) < 0.1)
    }

    /// Recorders and people put streams one after the other without a thought for the clock.
    @Test func joinsStreamsThatWerePutTogether() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 320, height: 568, seconds: 2)
        clip.container = "mpegts"
        try clip.write(to: folder.path("one.ts"))
        let one = try Data(contentsOf: folder.url.appendingPathComponent("one.ts"))
        let source = try folder.source("two.ts", bytes: one + one)
        let media = try await MediaProbe.probe(source)
        #expect(abs(media.duration - 4) < 0.15 && media.expectedFrames == 120)
        let (video, audio) = (try #require(media.videoTrack?.duration), try #require(media.audioTrack?.duration))
        #expect(abs(video - 4) < 0.1 && abs(audio - 4) < 0.1)
        let delivery = try await folder.deliver(source)
        #expect(abs(delivery.duration - 4) < 0.15)
    }

    @Test func givesUpAtTheDeadline() throws {
        let folder = try MediaFolder()
        try SampleClip().write(to: folder.path("clip.mp4"))
        #expect(throws: MediaError.self) {
            try Demuxer(
                path: folder.path("clip.mp4"), log: MediaLog(), cancellation: CancellationFlag(),
                deadline: ContinuousClock.now - .seconds(1))
        }
    }

    @Test(arguments: ["h264", "hevc"]) func countsTheFramesOfAStreamWithoutClock(format: String) async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(frameRate: Rational(50, 1), seconds: 2)
        clip.container = format
        clip.audio = nil
        if format == "hevc" {
            clip.video?.codec = "libx265"
            clip.video?.codecOptions = ["preset": "ultrafast", "x265-params": "log-level=none"]
        } else {
            clip.video?.codecOptions["bf"] = "2"
        }
        let media = try await MediaProbe.probe(folder.source("raw.bin", clip))
        #expect(abs(media.duration - 2) < 0.03 && media.expectedFrames == 100)
        #expect(media.videoTrack?.averageFrameRate.value == 50)
    }

    @Test func keepsLateAudioLate() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(seconds: 2)
        clip.audio?.delay = 0.5
        let media = try await MediaProbe.probe(folder.source("late.mp4", clip))
        let (video, audio) = (try #require(media.videoTrack?.startTime), try #require(media.audioTrack?.startTime))
        #expect(abs(audio - video - 0.5) < 0.05)
    }

    @Test func tellsHowMuchIsMissing() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(seconds: 4)
        clip.muxerSettings = ["movflags": "+faststart"]
        clip.pattern = .noise
        try clip.write(to: folder.path("whole.mp4"))
        let whole = try Data(contentsOf: folder.url.appendingPathComponent("whole.mp4"))
        let media = try await MediaProbe.probe(folder.source("cut.mp4", bytes: whole.prefix(whole.count / 2)))
        let missing = try #require(media.missingSeconds)
        #expect((1.5...2.5).contains(missing))
        #expect(media.warnings.contains { $0.contains("4.0") && $0.contains(" %) are missing") })
    }

    @Test func noticesAHoleInABroadcastStream() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(seconds: 4)
        clip.container = "mpegts"
        clip.pattern = .noise
        clip.audio = nil
        try clip.write(to: folder.path("whole.ts"))
        let whole = try Data(contentsOf: folder.url.appendingPathComponent("whole.ts"))
        let packets = whole.count / 188
        let cut = whole.prefix(packets / 2 * 188) + whole.suffix((packets - packets * 5 / 8) * 188)
        let media = try await MediaProbe.probe(folder.source("hole.ts", bytes: cut))
        #expect(media.warnings.contains { $0.contains("video packets") && $0.contains("damaged") })
        #expect(media.warnings.contains { $0.hasPrefix("the video has gaps: 0.") })
        #expect(abs(media.duration - 4) < 0.1)
    }

    /// An edit that starts between two key frames: FFmpeg would show the video too early.
    @Test func keepsTheTimesOfAnEditThatCutsIntoAGroup() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(seconds: 2)
        clip.video?.keyFrameInterval = 15
        try clip.write(to: folder.path("plain.mp4"))
        var editor = try MP4Editor(contentsOf: folder.path("plain.mp4"))
        // 0.1 s are hidden, and the first key frame is the one at 0.5 s.
        try editor.set(["moov", "trak", "edts", "elst"], offset: 12, to: editor.timeScale / 10)
        try editor.set(MP4Editor.table + ["stss"], offset: 8, to: 16)
        let media = try await MediaProbe.probe(folder.source("edit.mp4", bytes: editor.data))
        #expect(try #require(media.videoTrack?.keyFrameTimes?.first) == 0.4)
    }
}
