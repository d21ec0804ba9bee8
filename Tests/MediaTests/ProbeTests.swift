import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Testing

@Suite struct ProbeTests {
    @Test func tellsTheFactsOfOrdinaryFootage() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 320, height: 180, frameRate: Rational(25, 1), seconds: 2)
        clip.rotation = 90
        clip.video?.sampleAspectRatio = Rational(4, 3)
        clip.tags = ["title": "Sea"]
        let media = try await MediaProbe.probe(folder.source("a.mp4", clip))
        let track = try #require(media.videoTrack)
        #expect(media.container.contains("mp4"))
        #expect(abs(media.duration - 2) < 0.03)
        #expect(media.tags["title"] == "Sea")
        #expect(media.fastStart == false)
        #expect(track.codec == "h264" && track.pixelFormat == "yuv420p" && track.bitDepth == 8)
        #expect((track.codedWidth, track.codedHeight) == (320, 180))
        #expect((track.rotation, track.mirrored) == (90, false))
        #expect((track.displayWidth, track.displayHeight) == (180, 427))
        #expect(track.averageFrameRate.value == 25 && track.constantFrameRate == true)
        #expect(track.longestKeyFrameInterval == 1 && track.closedGroups == true)
        #expect(track.frameCount == 50 && track.dynamicRange == .sdr)
        let audio = try #require(media.audioTrack)
        #expect(audio.codec == "aac" && audio.sampleRate == 48_000 && audio.layout == "stereo")
    }

    @Test func readsByContentNotByName() async throws {
        let folder = try MediaFolder()
        let source = try folder.source("clip: a%20b&c.txt", SampleClip())
        #expect(try await MediaProbe.probe(source).videoTrack?.codec == "h264")
    }

    @Test func measuresAVaryingRate() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(seconds: 2)
        clip.filters = "select='not(between(mod(n,10),3,6))'"
        let track = try #require(try await MediaProbe.probe(folder.source("vfr.mp4", clip)).videoTrack)
        #expect(track.constantFrameRate == false)
    }

    @Test(arguments: [("smpte2084", VideoTrack.DynamicRange.pq), ("arib-std-b67", .hlg)])
    func knowsHighDynamicRange(transfer: String, range: VideoTrack.DynamicRange) async throws {
        let folder = try MediaFolder()
        var clip = SampleClip()
        clip.video?.codec = "libx265"
        clip.video?.pixelFormat = "yuv420p10le"
        clip.video?.codecOptions = ["preset": "ultrafast", "x265-params": "log-level=none"]
        clip.video?.colour = ColourTags(range: "tv", primaries: "bt2020", transfer: transfer, matrix: "bt2020nc")
        let track = try #require(try await MediaProbe.probe(folder.source("hdr.mp4", clip)).videoTrack)
        #expect(track.dynamicRange == range && track.bitDepth == 10 && track.colorPrimaries == "bt2020")
    }

    @Test func measuresTheLengthOfACutOffFile() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(seconds: 4)
        clip.muxerSettings = ["movflags": "+faststart"]
        clip.pattern = .noise
        try clip.write(to: folder.path("whole.mp4"))
        let whole = try Data(contentsOf: folder.url.appendingPathComponent("whole.mp4"))
        let media = try await MediaProbe.probe(folder.source("cut.mp4", bytes: whole.prefix(whole.count / 2)))
        #expect(media.duration < 3)
        #expect(media.warnings.contains { $0.contains("claims 4.0") })
    }

    // MARK: Refusals

    private func refusal(_ name: String, _ bytes: Data) async throws -> StageError {
        let folder = try MediaFolder()
        let source = try folder.source(name, bytes: bytes)
        return try await #require(throws: StageError.self) { try await MediaProbe.probe(source) }
    }

    @Test func refusesAnEmptyFile() async throws {
        let error = try await refusal("empty.mp4", Data())
        #expect(error.code == .unusableFootage && error.message == "empty.mp4 is empty")
        #expect(error.outcome == .invalidData && error.hint != nil)
    }

    @Test func refusesGarbage() async throws {
        var generator = SystemRandomNumberGenerator()
        let bytes = Data((0..<50_000).map { _ in UInt8.random(in: 0...255, using: &generator) })
        let error = try await refusal("garbage.mp4", bytes)
        #expect(error.code == .unusableFootage && error.message.hasPrefix("garbage.mp4"))
    }

    @Test func refusesText() async throws {
        let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
        #expect(try await refusal("list.m3u8", Data(playlist.utf8)).code == .unusableFootage)
        #expect(try await refusal("notes.mov", Data("hello\n".utf8)).code == .unusableFootage)
    }

    @Test func refusesAStillImage() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(seconds: 0.03)
        clip.container = "image2"
        clip.video?.codec = "png"
        clip.video?.pixelFormat = "rgb24"
        clip.video?.codecOptions = [:]
        clip.audio = nil
        clip.muxerSettings = ["update": "1"]
        let source = try folder.source("cover.png", clip)
        let error = try await #require(throws: StageError.self) { try await MediaProbe.probe(source) }
        #expect(error.message == "cover.png is a still image, not footage")
    }

    @Test(arguments: [("gif", "gif", "bgr8"), ("apng", "apng", "rgb24")]) func takesAnimationsAndRefusesStills(
        container: String, codec: String, pixels: String
    ) async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(frameRate: Rational(25, 1), seconds: 1)
        clip.container = container
        clip.video?.codec = codec
        clip.video?.pixelFormat = pixels
        clip.video?.codecOptions = [:]
        clip.audio = nil
        let media = try await MediaProbe.probe(folder.source("loop", clip))
        #expect(media.expectedFrames == 25 && abs(media.duration - 1) < 0.1 && media.warnings == [])
        clip.seconds = 0.04
        let still = try folder.source("still", clip)
        let error = try await #require(throws: StageError.self) { try await MediaProbe.probe(still) }
        #expect(error.message == "still is a still image, not footage")
    }

    @Test func noticesTransparency() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(seconds: 0.2)
        clip.container = "mov"
        clip.video?.codec = "qtrle"
        clip.video?.pixelFormat = "argb"
        clip.video?.codecOptions = [:]
        let media = try await MediaProbe.probe(folder.source("alpha.mov", clip))
        #expect(media.videoTrack?.hasAlpha == true && media.warnings.contains { $0.contains("transparency") })
    }

    @Test func refusesAudioWithoutVideo() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip()
        clip.video = nil
        let source = try folder.source("song.m4a", clip)
        let error = try await #require(throws: StageError.self) { try await MediaProbe.probe(source) }
        #expect(error.message == "song.m4a has audio but no video")
    }

    @Test func refusesAFolderAndAMissingFile() async throws {
        let folder = try MediaFolder()
        try FileManager.default.createDirectory(atPath: folder.path("takes"), withIntermediateDirectories: true)
        let inFolder = try await #require(throws: StageError.self) { try await MediaProbe.probe(folder.file("takes")) }
        #expect(inFolder.message == "takes is a folder, not a file")
        let missing = try await #require(throws: StageError.self) {
            try await MediaProbe.probe(folder.file("none.mp4"))
        }
        #expect(missing.message == "none.mp4 does not exist")
    }

    @Test func keepsTheLibrarysOwnWords() async throws {
        let error = try await refusal("stub.mp4", Data([0, 0, 0, 24] + Array("ftypisom".utf8)) + Data(count: 12))
        #expect(error.cause?.contains("moov") == true)
    }
}
