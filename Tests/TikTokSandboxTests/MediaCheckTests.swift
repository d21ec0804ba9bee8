import Foundation
import Testing

@testable import TikTokSandbox

@Suite struct MediaCheckTests {
    /// Reads a file from memory by way of the disk.
    static func reason(_ data: Data, settings: SandboxSettings = SandboxSettings()) async throws -> (
        String?, MediaFacts?
    ) {
        try await withFolder { folder in
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let file = folder.appendingPathComponent("file")
            try data.write(to: file)
            let inspection = try await MediaInspector.inspect(file, settings: settings)
            return (inspection.failReason, inspection.facts)
        }
    }

    @Test(arguments: ["avc1", "avc3", "hvc1", "hev1", "vp09"]) func acceptsCodec(codec: String) async throws {
        #expect(try await Self.reason(TestMovie(codec: codec).data).0 == nil)
    }

    @Test(arguments: ["av01", "mp4v", "apcn", "encv"]) func refusesCodec(codec: String) async throws {
        #expect(try await Self.reason(TestMovie(codec: codec).data).0 == "file_format_check_failed")
    }

    @Test func readsMovie() async throws {
        let (reason, facts) = try await Self.reason(
            TestMovie(brand: "qt  ", width: 1080, height: 1920, frames: 90).data)
        #expect(reason == nil)
        #expect(
            facts
                == MediaFacts(
                    container: .quickTime, codec: .h264, width: 1080, height: 1920, duration: 3, frameRate: 30))
    }

    @Test(
        arguments: [
            (1001, nil), (1251, nil), (1304, nil), (500, nil), (1310, "frame_rate_check_failed"),
            (3000, "frame_rate_check_failed"), (498, "frame_rate_check_failed"),
        ] as [(Int, String?)])
    func frameRate(ticks: Int, reason: String?) async throws {
        #expect(try await Self.reason(TestMovie(frames: 600, frameTicks: ticks).data).0 == reason)
    }

    @Test(
        arguments: [
            (360, 640, nil), (4096, 4096, nil), (359, 640, "picture_size_check_failed"),
            (720, 4098, "picture_size_check_failed"), (0, 0, "picture_size_check_failed"),
        ] as [(Int, Int, String?)])
    func pictureSize(width: Int, height: Int, reason: String?) async throws {
        #expect(try await Self.reason(TestMovie(width: width, height: height).data).0 == reason)
    }

    @Test func durationFollowsTheAccount() async throws {
        #expect(try await Self.reason(TestMovie(frames: 600 * 30).data).0 == nil)
        #expect(try await Self.reason(TestMovie(frames: 601 * 30).data).0 == "duration_check_failed")
        var settings = SandboxSettings()
        settings.maxVideoPostDurationSeconds = 3600
        #expect(try await Self.reason(TestMovie(frames: 601 * 30).data, settings: settings).0 == nil)
    }

    @Test func readsWebM() async throws {
        let (reason, facts) = try await Self.reason(TestWebM().data)
        #expect(reason == nil)
        #expect(
            facts == MediaFacts(container: .webM, codec: .vp9, width: 720, height: 1280, duration: 2, frameRate: 25))
        let (_, measured) = try await Self.reason(TestWebM(declaresDuration: false).data)
        #expect(measured?.frameRate == 25 && measured?.duration == 2)
        #expect(try await Self.reason(TestWebM(codec: "V_AV1").data).0 == "file_format_check_failed")
        #expect(try await Self.reason(TestWebM(docType: "matroska").data).0 == "file_format_check_failed")
    }

    /// The reader takes sample tables in pieces of at most 65,536 bytes; most of these runs need several.
    @Test(
        arguments: [
            (60, 0x000), (60, 0x101), (17_100, 0x100), (9000, 0x305), (9000, 0x701), (6000, 0xF00), (6000, 0xE01),
        ])
    func readsFragmentsOfAnyLength(frames: Int, runFlags: Int) async throws {
        let (reason, facts) = try await Self.reason(TestMovie(frames: frames, runFlags: runFlags).data)
        #expect(reason == nil)
        #expect(
            facts
                == MediaFacts(
                    container: .mp4, codec: .h264, width: 720, height: 1280, duration: Double(frames) / 30,
                    frameRate: 30))
    }

    @Test(arguments: [60, 17_100]) func rejectsFragmentsWithMissingSamples(frames: Int) async throws {
        let movie = TestMovie(frames: frames, runFlags: 0x100, missingSamples: 1)
        #expect(try await Self.reason(movie.data).0 == "file_format_check_failed")
    }

    @Test func rejectsFilesThatAreNotVideos() async throws {
        let format = "file_format_check_failed"
        #expect(try await Self.reason(Data()).0 == format)
        #expect(try await Self.reason(Data(repeating: 0, count: 5000)).0 == format)
        #expect(try await Self.reason(Data("not a video at all, only a text".utf8)).0 == format)
        #expect(try await Self.reason(TestMovie(handler: "soun").data).0 == format)
        #expect(try await Self.reason(TestMovie(frames: 0).data).0 == format)
        #expect(try await Self.reason(TestMovie(payload: 0).data).0 == format)
    }

    /// Cuts and flips good files at random: whatever comes, the probe ends with an answer.
    @Test func survivesHostileFiles() throws {
        var generator = SeededGenerator(state: 42)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hostile-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("file")
        for good in [TestMovie(payload: 64).data, TestWebM(frames: 12).data] {
            for _ in 0..<400 {
                var bad = good
                for _ in 0..<Int.random(in: 1...12, using: &generator) {
                    bad[Int.random(in: 0..<bad.count, using: &generator)] = .random(in: 0...255, using: &generator)
                }
                if Bool.random(using: &generator) { bad = bad.prefix(Int.random(in: 0..<bad.count, using: &generator)) }
                try bad.write(to: file)
                do {
                    _ = try MediaInspector.read(try PosixFile(file, .read))
                } catch is UnreadableMedia {}
            }
        }
    }

    @Test func deepAndWideBoxesAreBounded() async throws {
        var nested = Data()
        for _ in 0..<5000 { nested = box("moov", nested) }
        #expect(try await Self.reason(nested + box("mdat", zeros(8))).0 == "file_format_check_failed")
        var wide = Data()
        for _ in 0..<30_000 { wide += box("free", Data()) }
        #expect(try await Self.reason(wide).0 == "file_format_check_failed")
        let bomb = box("stts", word(0) + word(0x7FFF_FFFF))
        #expect(try await Self.reason(box("moov", box("trak", box("mdia", box("minf", box("stbl", bomb)))))).0 != nil)
    }

    @Test func failedPostSaysWhy() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let id = try await sandbox.post(TestMovie(width: 320, height: 320).data)
            let post = try await sandbox.finished(id)
            #expect(post["status"] == "FAILED" && post["failReason"] == "picture_size_check_failed")
            #expect(try await sandbox.status(id)["fail_reason"] == "picture_size_check_failed")
        }
    }

    @Test func publicPostGetsItsIdAfterModeration() async throws {
        try await withSandbox(faults: #"{"settings": {"accountPrivacy": "public", "moderationSeconds": 60}}"#) {
            (sandbox: SandboxHarness) async throws in
            let id = try await sandbox.post(TestMovie().data, privacy: "PUBLIC_TO_EVERYONE")
            #expect(try await sandbox.finished(id)["postId"] == nil)
            #expect(try await sandbox.status(id)["publicaly_available_post_id"] == nil)
            sandbox.clock.advance(60)
            let number = try #require(
                try await sandbox.status(id)["publicaly_available_post_id"]?.arrayValue?.first?.integerValue)
            #expect(String(number).count == 19)
            #expect(try await sandbox.finished(id)["postId"]?.stringValue == String(number))
        }
    }

    @Test func processingTakesItsTime() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let id = try await sandbox.post(TestMovie().data)
            sandbox.clock.advance(1.4)
            try await Task.sleep(for: .milliseconds(100))
            #expect(try await sandbox.status(id)["status"] == "PROCESSING_UPLOAD")
            sandbox.clock.advance(0.2)
            #expect(try await sandbox.status(id)["status"] == "PUBLISH_COMPLETE")
        }
    }
}

/// A small generator with a seed, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}
