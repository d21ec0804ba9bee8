import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Synchronization
import Testing

@Suite struct DeliveryTests {
    struct Kind: Sendable, CustomTestStringConvertible {
        var name: String
        var container: String
        var codec: String
        var pixelFormat = "yuv420p"
        var codecOptions: [String: String] = [:]
        var audio: (codec: String, format: String, channels: Int, rate: Int)? = ("aac", "fltp", 2, 44_100)
        var testDescription: String { name }
    }

    static let kinds = [
        Kind(name: "h264.mp4", container: "mp4", codec: "libx264", codecOptions: ["preset": "ultrafast"]),
        Kind(
            name: "hevc.mov", container: "mov", codec: "libx265",
            codecOptions: ["preset": "ultrafast", "x265-params": "log-level=none"],
            audio: ("pcm_s16le", "s16", 2, 48_000)),
        Kind(
            name: "vp9.webm", container: "webm", codec: "libvpx-vp9",
            codecOptions: ["deadline": "realtime", "cpu-used": "8"],
            audio: ("libopus", "s16", 2, 48_000)),
        Kind(
            name: "mpeg4.avi", container: "avi", codec: "mpeg4", audio: ("libmp3lame", "s16p", 1, 44_100)),
        Kind(
            name: "prores.mov", container: "mov", codec: "prores_ks", pixelFormat: "yuv422p10le",
            audio: ("pcm_s16le", "s16", 2, 48_000)),
        Kind(
            name: "h264.mkv", container: "matroska", codec: "libx264", codecOptions: ["preset": "ultrafast"],
            audio: ("ac3", "fltp", 6, 48_000)),
        Kind(
            name: "h264.ts", container: "mpegts", codec: "libx264", codecOptions: ["preset": "ultrafast"],
            audio: ("mp2", "s16", 2, 44_100)),
        Kind(name: "silent.mp4", container: "mp4", codec: "libx264", codecOptions: ["preset": "ultrafast"], audio: nil),
        Kind(
            name: "mono8k.mov", container: "mov", codec: "libx264", codecOptions: ["preset": "ultrafast"],
            audio: ("pcm_s16le", "s16", 1, 8000)),
        Kind(
            name: "rgb.mkv", container: "matroska", codec: "ffv1", pixelFormat: "bgr0",
            audio: ("pcm_s16le", "s16", 2, 96_000)),
    ]

    @Test(arguments: kinds) func delivers(kind: Kind) async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 640, height: 360, frameRate: Rational(25, 1), seconds: 1)
        clip.container = kind.container
        clip.video?.codec = kind.codec
        clip.video?.pixelFormat = kind.pixelFormat
        clip.video?.codecOptions = kind.codecOptions
        clip.video?.closedGroups = kind.codec != "mpeg4"
        clip.audio = nil
        if let track = kind.audio {
            var audio = SampleClip.Audio()
            (audio.codec, audio.sampleFormat, audio.channels, audio.sampleRate) = track
            clip.audio = audio
        }
        let delivery = try await folder.deliver(folder.source(kind.name, clip))
        #expect(delivery.decision.strategy == .encode)
        #expect(abs(delivery.duration - 1) < 0.09)
        #expect(delivery.decision.format.frameRate == Rational(25, 1))
        #expect((delivery.decision.format.width, delivery.decision.format.height) == (540, 960))
        try await meetsSpec(delivery, folder: folder)
    }

    // MARK: Video

    /// Where the corner colours of the stored frame end up, read left to right, top to bottom.
    @Test(arguments: [
        (0, false, ["red", "green", "blue", "white"]), (90, false, ["blue", "red", "white", "green"]),
        (180, false, ["white", "blue", "green", "red"]), (270, false, ["green", "white", "red", "blue"]),
        (0, true, ["green", "red", "white", "blue"]),
    ])
    func turnsTheFrameUpright(rotation: Int, mirrored: Bool, corners: [String]) async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 400, height: 400, seconds: 0.2)
        clip.pattern = .corners
        clip.rotation = rotation
        clip.mirrored = mirrored
        let delivery = try await folder.deliver(folder.source("a.mp4", clip)) { $0.aspect = .source }
        let found = try [(0.05, 0.05), (0.95, 0.05), (0.05, 0.95), (0.95, 0.95)].map {
            try PixelReader.name(of: delivery.path, x: $0.0, y: $0.1)
        }
        #expect(found == corners)
        try await meetsSpec(delivery, folder: folder, anyAspect: true)
    }

    @Test func cropsToTheFocus() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 640, height: 360, seconds: 0.2)
        clip.pattern = .corners
        let source = try folder.source("a.mp4", clip)
        let left = try await folder.deliver(source, as: "left.mp4") { $0.focus = .init(x: 0, y: 0.5) }
        #expect(try PixelReader.name(of: left.path, x: 0.1, y: 0.05) == "red")
        let right = try await folder.deliver(source, as: "right.mp4") { $0.focus = .init(x: 1, y: 0.5) }
        #expect(try PixelReader.name(of: right.path, x: 0.9, y: 0.95) == "white")
        let center = try await folder.deliver(source, as: "center.mp4")
        #expect(try PixelReader.name(of: center.path, x: 0.5, y: 0.05) == "gray")
    }

    @Test func padsWithTheBackground() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 640, height: 360, seconds: 0.2)
        clip.pattern = .corners
        let delivery = try await folder.deliver(folder.source("a.mp4", clip)) {
            $0.fit = .pad
            $0.background = "blue"
        }
        #expect(try PixelReader.name(of: delivery.path, x: 0.5, y: 0.1) == "blue")
        #expect(try PixelReader.name(of: delivery.path, x: 0.05, y: 0.36) == "red")
        try await meetsSpec(delivery, folder: folder)
    }

    @Test func surroundsWithADimmedCopy() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 640, height: 360, seconds: 0.2)
        clip.pattern = .plain("white")
        let delivery = try await folder.deliver(folder.source("a.mp4", clip)) { $0.fit = .blur }
        let surround = try PixelReader.colour(of: delivery.path, x: 0.5, y: 0.1)
        #expect((130...175).contains(surround.1))
        #expect(try PixelReader.colour(of: delivery.path, x: 0.5, y: 0.5).1 > 245)
        #expect(abs(delivery.duration - 0.2) < 0.01)
        try await meetsSpec(delivery, folder: folder)
    }

    @Test func keepsColoursOfFullRangeFootage() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 360, height: 640, seconds: 0.2)
        clip.pattern = .plain("0x804020")
        clip.video?.pixelFormat = "yuvj420p"
        clip.video?.colour = ColourTags(range: "pc", primaries: nil, transfer: nil, matrix: nil)
        let delivery = try await folder.deliver(folder.source("a.mp4", clip))
        let (red, green, blue) = try PixelReader.colour(of: delivery.path, x: 0.5, y: 0.5)
        #expect(abs(red - 0x80) < 8 && abs(green - 0x40) < 8 && abs(blue - 0x20) < 8)
    }

    @Test func mapsHighDynamicRangeDown() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 360, height: 640, seconds: 0.2)
        clip.video?.codec = "libx265"
        clip.video?.pixelFormat = "yuv420p10le"
        clip.video?.codecOptions = ["preset": "ultrafast", "x265-params": "log-level=none"]
        clip.video?.colour = ColourTags(
            range: "tv", primaries: "bt2020", transfer: "arib-std-b67", matrix: "bt2020nc")
        let delivery = try await folder.deliver(folder.source("a.mp4", clip))
        #expect(delivery.decision.reasons.contains("HDR is tone-mapped to SDR"))
        try await meetsSpec(delivery, folder: folder)
    }

    @Test func takesFieldsApart() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 720, height: 576, frameRate: Rational(25, 1), seconds: 1)
        clip.video?.interlaced = true
        let delivery = try await folder.deliver(folder.source("a.mp4", clip))
        #expect(delivery.decision.deinterlacer != nil)
        try await meetsSpec(delivery, folder: folder)
    }

    // MARK: Time

    @Test func makesAVaryingRateConstant() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(seconds: 2)
        clip.filters = "select='not(between(mod(n,10),3,6))'"
        let delivery = try await folder.deliver(folder.source("a.mp4", clip))
        #expect(delivery.decision.format.frameRate == Rational(30, 1))
        #expect(abs(delivery.duration - 2) < 0.04)
        try await meetsSpec(delivery, folder: folder)
    }

    @Test func deliversASingleFrameWithoutALength() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(seconds: 0.03)
        clip.container = "mpegts"
        clip.audio = nil
        let delivery = try await folder.deliver(folder.source("a.ts", clip))
        #expect(delivery.duration > 0)
        try await meetsSpec(delivery, folder: folder)
    }

    @Test func cutsToTheAllowedLengthAndThePartWanted() async throws {
        let folder = try MediaFolder()
        let source = try folder.source("a.mp4", SampleClip(seconds: 3))
        let short = try await folder.deliver(source, as: "short.mp4") { $0.maxDuration = 1 }
        #expect(short.duration == 1)
        try await meetsSpec(short, folder: folder)
        let part = try await folder.deliver(source, as: "part.mp4") {
            $0.trimStart = 0.5
            $0.trimEnd = 1.7
        }
        #expect(abs(part.duration - 1.2) < 0.001)
        try await meetsSpec(part, folder: folder)
    }

    @Test func startsExactlyWhereTheTrimSays() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 360, height: 640, seconds: 2)
        clip.pattern = .plain("red")
        clip.filters = "drawbox=color=blue:t=fill:enable='gte(t,1)'"
        let source = try folder.source("a.mp4", clip)
        let before = try await folder.deliver(source, as: "before.mp4") { $0.trimStart = 0.9 }
        #expect(try PixelReader.name(of: before.path, x: 0.5, y: 0.5, frame: 2) == "red")
        #expect(try PixelReader.name(of: before.path, x: 0.5, y: 0.5, frame: 3) == "blue")
    }

    @Test func refusesATrimBeyondTheEnd() async throws {
        let folder = try MediaFolder()
        let source = try folder.source("a.mp4", SampleClip())
        let error = try await #require(throws: StageError.self) {
            try await folder.deliver(source) { $0.trimStart = 5 }
        }
        #expect(error.code == .unusableFootage && error.message.contains("trim starts at 5.00 s"))
    }

    @Test func fillsMissingAudioWithSilence() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(seconds: 2)
        var audio = SampleClip.Audio()
        audio.seconds = 0.5
        clip.audio = audio
        let delivery = try await folder.deliver(folder.source("a.mp4", clip))
        #expect(delivery.warnings.contains { $0.contains("silence fills the rest") })
        try await meetsSpec(delivery, folder: folder)
    }

    @Test func holdsTheLastFrameForTheAudio() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(seconds: 1)
        var audio = SampleClip.Audio()
        audio.seconds = 1.6
        clip.audio = audio
        let delivery = try await folder.deliver(folder.source("a.mp4", clip))
        #expect(abs(delivery.duration - 1.6) < 0.05)
        try await meetsSpec(delivery, folder: folder)
    }

    @Test func keepsLateAudioLate() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(seconds: 2)
        var audio = SampleClip.Audio()
        audio.delay = 0.5
        audio.seconds = 1.5
        clip.audio = audio
        let delivery = try await folder.deliver(folder.source("a.mp4", clip))
        let onset = try AudioReader.onset(of: delivery.path)
        #expect(abs(onset - 0.5) < 0.03)
    }

    // MARK: Copying

    @Test func copiesWhatAlreadyMeetsTheSpec() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip.compliant(seconds: 2)
        clip.tags = ["title": "Secret", "location": "+52.5200+013.4050/"]
        let delivery = try await folder.deliver(folder.source("a.mp4", clip))
        #expect(delivery.decision.strategy == .copy && delivery.decision.audio == .copy)
        try await meetsSpec(delivery, folder: folder)
        let media = try await MediaProbe.probe(folder.file("delivery.mp4"))
        #expect(media.tags["title"] == nil && media.tags["location"] == nil)
    }

    @Test func copiesTheVideoAndEncodesTheAudio() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip.compliant(seconds: 2)
        clip.audio?.sampleRate = 44_100
        let delivery = try await folder.deliver(folder.source("a.mp4", clip))
        #expect(delivery.decision.strategy == .copy && delivery.decision.audio == .encode)
        #expect(delivery.decision.reasons.contains { $0.contains("44100 Hz") })
        try await meetsSpec(delivery, folder: folder)
    }

    @Test func copiesTheVideoAndAddsSilence() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip.compliant(seconds: 2)
        clip.audio = nil
        let delivery = try await folder.deliver(folder.source("a.mp4", clip))
        #expect(delivery.decision.strategy == .copy && delivery.decision.audio == .silence)
        try await meetsSpec(delivery, folder: folder)
    }

    @Test func encodesWhenCopyingIsForbidden() async throws {
        let folder = try MediaFolder()
        let delivery = try await folder.deliver(folder.source("a.mp4", .compliant())) { $0.passthrough = .never }
        #expect(delivery.decision.strategy == .encode)
    }

    @Test func refusesToEncodeWhenCopyingIsRequired() async throws {
        let folder = try MediaFolder()
        let source = try folder.source("a.mp4", SampleClip())
        let error = try await #require(throws: StageError.self) {
            try await folder.deliver(source) { $0.passthrough = .require }
        }
        #expect(error.message.contains("can't be copied as it is"))
        #expect(folder.names == ["a.mp4"])
    }

    // MARK: Limits

    @Test func staysWithinTheSizeCeiling() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 540, height: 960, seconds: 3)
        clip.pattern = .noise
        let delivery = try await folder.deliver(folder.source("a.mp4", clip)) { $0.maxBytes = 600_000 }
        #expect(delivery.bytes <= 600_000 && delivery.bytes > 300_000)
        #expect(delivery.warnings.contains { $0.contains("encoded again") })
        try await meetsSpec(delivery, folder: folder)
    }

    @Test func saysWhenNothingWatchableFits() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 540, height: 960, seconds: 3)
        clip.pattern = .noise
        let source = try folder.source("a.mp4", clip)
        let error = try await #require(throws: StageError.self) {
            try await folder.deliver(source) { $0.maxBytes = 40_000 }
        }
        #expect(error.code == .overLimit && error.outcome == .invalidData)
        #expect(folder.names == ["a.mp4"])
    }

    @Test func stopsWhenCancelledAndLeavesNothing() async throws {
        let folder = try MediaFolder()
        let clip = SampleClip(width: 1280, height: 720, seconds: 20)
        let source = try folder.source("a.mp4", clip)
        let media = try await MediaProbe.probe(source)
        let options = DeliveryOptions()
        let path = folder.path("delivery.mp4")
        let work = Mutex<Task<Deliverer.Delivery, any Error>?>(nil)
        let furthest = Mutex(0.0)
        let task = Task {
            try await Deliverer.deliver(media, options: options, to: path) { progress in
                furthest.withLock { $0 = max($0, progress.fraction) }
                // From the working thread itself: other tests may keep every other thread busy.
                work.withLock { $0?.cancel() }
            }
        }
        work.withLock { $0 = task }
        await #expect(throws: StageError.cancelled) { try await task.value }
        // Stopped between frames, not at the end.
        #expect(furthest.withLock { $0 } < 0.9)
        #expect(folder.names == ["a.mp4"])
    }

    @Test func reportsProgressByTime() async throws {
        let folder = try MediaFolder()
        let media = try await MediaProbe.probe(folder.source("a.mp4", SampleClip(seconds: 2)))
        let reports = Recorder<StageProgress>()
        _ = try await Deliverer.deliver(
            media, options: DeliveryOptions(), to: folder.path("delivery.mp4"), progress: { reports.add($0) })
        let fractions = reports.values.map(\.fraction)
        #expect(fractions == fractions.sorted() && fractions.last ?? 0 > 0.9)
        #expect(reports.values.last?.speed ?? 0 > 0)
    }

    @Test func givesTheSameBytesAgain() async throws {
        let folder = try MediaFolder()
        let source = try folder.source("a.mp4", SampleClip())
        let first = try await folder.deliver(source, as: "1.mp4")
        let second = try await folder.deliver(source, as: "2.mp4")
        #expect(first.sha256 == second.sha256)
    }
}
