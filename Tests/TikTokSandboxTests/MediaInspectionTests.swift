import Foundation
import Testing

@testable import TikTokSandbox

@Suite struct MediaInspectionTests {
    private static func inspect(
        _ data: Data, settings: SandboxSettings = SandboxSettings()
    ) async throws -> Inspection {
        try await withFolder { folder in
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let file = folder.appendingPathComponent("file")
            try data.write(to: file)
            return try await MediaInspector.inspect(file, settings: settings)
        }
    }

    @Test(arguments: ["avc1", "avc3", "hvc1", "hev1", "vp09"]) func acceptsSupportedCodecs(codec: String) async throws {
        #expect(try await Self.inspect(TestMovie(codec: codec).data).failReason == nil)
    }

    @Test(arguments: ["av01", "mp4v", "apcn", "encv"]) func rejectsUnsupportedCodecs(codec: String) async throws {
        #expect(try await Self.inspect(TestMovie(codec: codec).data).failReason == "file_format_check_failed")
    }

    @Test func readsQuickTimeMovies() async throws {
        let inspection = try await Self.inspect(
            TestMovie(brand: "qt  ", width: 1080, height: 1920, frames: 90).data)
        #expect(inspection.failReason == nil)
        #expect(
            inspection.facts
                == MediaFacts(
                    container: .quickTime, codec: .h264, width: 1080, height: 1920, duration: 3, frameRate: 30))
    }

    @Test(
        arguments: [
            (1001, nil), (1251, nil), (1304, nil), (500, nil), (1310, "frame_rate_check_failed"),
            (3000, "frame_rate_check_failed"), (498, "frame_rate_check_failed"),
        ] as [(Int, String?)])
    func limitsTheFrameRate(ticks: Int, reason: String?) async throws {
        #expect(try await Self.inspect(TestMovie(frames: 600, frameTicks: ticks).data).failReason == reason)
    }

    @Test(
        arguments: [
            (360, 640, nil), (4096, 4096, nil), (359, 640, "picture_size_check_failed"),
            (720, 4098, "picture_size_check_failed"), (0, 0, "picture_size_check_failed"),
        ] as [(Int, Int, String?)])
    func limitsWidthAndHeight(width: Int, height: Int, reason: String?) async throws {
        #expect(try await Self.inspect(TestMovie(width: width, height: height).data).failReason == reason)
    }

    @Test func limitsTheDurationToTheAccountsMaximum() async throws {
        #expect(try await Self.inspect(TestMovie(frames: 600 * 30).data).failReason == nil)
        #expect(try await Self.inspect(TestMovie(frames: 601 * 30).data).failReason == "duration_check_failed")
        var settings = SandboxSettings()
        settings.maxVideoPostDurationSeconds = 3600
        #expect(try await Self.inspect(TestMovie(frames: 601 * 30).data, settings: settings).failReason == nil)
    }

    @Test func readsWebM() async throws {
        let inspection = try await Self.inspect(TestWebM().data)
        #expect(inspection.failReason == nil)
        #expect(
            inspection.facts
                == MediaFacts(container: .webM, codec: .vp9, width: 720, height: 1280, duration: 2, frameRate: 25))
        let measured = try await Self.inspect(TestWebM(declaresDuration: false).data).facts
        #expect(measured?.frameRate == 25 && measured?.duration == 2)
        #expect(try await Self.inspect(TestWebM(codec: "V_AV1").data).failReason == "file_format_check_failed")
        #expect(try await Self.inspect(TestWebM(docType: "matroska").data).failReason == "file_format_check_failed")
    }

    /// The reader takes sample tables in pieces of at most 65,536 bytes; most of these runs need several.
    @Test(
        arguments: [
            (60, 0x000), (60, 0x101), (17_100, 0x100), (9000, 0x305), (9000, 0x701), (6000, 0xF00), (6000, 0xE01),
        ])
    func readsFragmentsOfAnyLength(frames: Int, runFlags: Int) async throws {
        let inspection = try await Self.inspect(TestMovie(frames: frames, runFlags: runFlags).data)
        #expect(inspection.failReason == nil)
        #expect(
            inspection.facts
                == MediaFacts(
                    container: .mp4, codec: .h264, width: 720, height: 1280, duration: Double(frames) / 30,
                    frameRate: 30))
    }

    @Test(arguments: [60, 17_100]) func rejectsFragmentsWithMissingSamples(frames: Int) async throws {
        let movie = TestMovie(frames: frames, runFlags: 0x100, missingSamples: 1)
        #expect(try await Self.inspect(movie.data).failReason == "file_format_check_failed")
    }

    @Test func rejectsFilesThatAreNotVideos() async throws {
        let format = "file_format_check_failed"
        #expect(try await Self.inspect(Data()).failReason == format)
        #expect(try await Self.inspect(Data(repeating: 0, count: 5000)).failReason == format)
        #expect(try await Self.inspect(Data("not a video at all, only a text".utf8)).failReason == format)
        #expect(try await Self.inspect(TestMovie(handler: "soun").data).failReason == format)
        #expect(try await Self.inspect(TestMovie(frames: 0).data).failReason == format)
        #expect(try await Self.inspect(TestMovie(payload: 0).data).failReason == format)
    }

    /// Changes and truncates valid files at random: the reader must return facts or throw `UnreadableMedia`.
    @Test func survivesDamagedFiles() throws {
        var generator = SeededGenerator(state: 42)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("damaged-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("file")
        let fragmented = TestMovie(frames: 12, payload: 64, runFlags: 0x305).data
        for valid in [TestMovie(payload: 64).data, fragmented, TestWebM(frames: 12).data] {
            for _ in 0..<400 {
                var damaged = valid
                for _ in 0..<Int.random(in: 1...12, using: &generator) {
                    damaged[Int.random(in: 0..<damaged.count, using: &generator)] = .random(
                        in: 0...255, using: &generator)
                }
                if Bool.random(using: &generator) {
                    damaged = damaged.prefix(Int.random(in: 0..<damaged.count, using: &generator))
                }
                try damaged.write(to: file)
                do {
                    _ = try MediaInspector.read(try PosixFile(file, .read))
                } catch is UnreadableMedia {}
            }
        }
    }

    @Test func rejectsTooDeepAndTooManyBoxes() async throws {
        var nested = Data()
        for _ in 0..<5000 { nested = box("moov", nested) }
        #expect(try await Self.inspect(nested + box("mdat", zeros(8))).failReason == "file_format_check_failed")
        var wide = Data()
        for _ in 0..<30_000 { wide += box("free", Data()) }
        #expect(try await Self.inspect(wide).failReason == "file_format_check_failed")
        let hugeTable = box("stts", uint32(0) + uint32(0x7FFF_FFFF))
        #expect(
            try await Self.inspect(box("moov", box("trak", box("mdia", box("minf", box("stbl", hugeTable))))))
                .failReason != nil)
    }
}

/// A random number generator with a seed, so that a failure can be reproduced.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}
