import Foundation
import Media
import PipelineKit
import ProbePlugin
import SpreaderTesting
import SubtitlesPlugin
import Testing

@Suite struct SubtitlesTests {
    private let cue = "1\n00:00:00,400 --> 00:00:00,600\nHello\n"

    private func subtitles(_ object: [String: JSONValue] = [:]) throws -> Subtitles {
        try Subtitles(options: Subtitles.Options.make(from: object))
    }

    private func write(_ text: String, to folder: MediaFolder, as name: String = "clip.srt") throws {
        try Data(text.utf8).write(to: URL(filePath: folder.path(name)))
    }

    /// The frames on which something is drawn; there is nothing bare between them.
    private func shown(_ video: PreparedVideo) throws -> ClosedRange<Int>? {
        let frames = try (0..<Int((video.duration * 30).rounded())).filter {
            try TestImage(of: video.file.path, at: (Double($0) + 0.5) / 30).drawn() != nil
        }
        guard let first = frames.first, let last = frames.last else { return nil }
        #expect(frames.count == last - first + 1)
        return first...last
    }

    @Test func areDrawnDuringTheirTimeAloneAboveTheInterface() async throws {
        let folder = try MediaFolder()
        try write(cue, to: folder)
        let video = try await folder.prepare(folder.greyFootage(seconds: 0.8), with: [try subtitles()])
        #expect(try shown(video) == 12...17)
        let box = try #require(try TestImage(of: video.file.path, at: 0.5).drawn())
        #expect(box.isFree && box.top > 0.7)
        #expect(abs((box.left + box.right) / 2 - 0.475) < 0.02)
        #expect(video.reasons.contains("subtitles are drawn on it"))
    }

    @Test(arguments: ["srt", "ass"])
    func moveWithATrim(ending: String) async throws {
        let folder = try MediaFolder()
        let script = """
            [Script Info]
            PlayResX: 360
            PlayResY: 640

            [V4+ Styles]
            Format: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, BorderStyle, Outline, Alignment
            Style: Default,sans-serif,40,&H00FFFFFF,&H00000000,1,2,5

            [Events]
            Format: Layer, Start, End, Style, Text
            Dialogue: 0,0:00:00.40,0:00:00.60,Default,Hello
            """
        try write(ending == "srt" ? cue : script, to: folder, as: "clip.\(ending)")
        let video = try await folder.prepare(
            folder.greyFootage(seconds: 0.8), with: [try subtitles()], options: ["trim": ["start": "0.3s"]])
        #expect(try shown(video) == 3...8)
    }

    @Test func keepTheirPlaceInFootageThatIsPlayedFaster() async throws {
        let folder = try MediaFolder()
        try write("1\n00:00:00,750 --> 00:00:01,200\nHello\n", to: folder)
        let video = try await folder.prepare(
            folder.greyFootage(seconds: 1.5), with: [try subtitles()],
            options: ["maxDuration": "1s", "overlong": "speed"])
        let frames = try #require(try shown(video))
        #expect(abs(frames.lowerBound - 15) <= 1 && abs(frames.upperBound - 23) <= 1)
    }

    @Test func theScriptWinsOverThePlainFile() async throws {
        let folder = try MediaFolder()
        try write(cue, to: folder)
        try write("[Script Info]\n[Events]\nFormat: Start, End, Text\n", to: folder, as: "clip.ass")
        let media = try await Probe(options: Probe.Options()).run(folder.greyFootage(), InMemoryHost().context())
        let output = try await subtitles().run(media, InMemoryHost().context())
        #expect(output.files.map(\.path).last == folder.path("clip.ass"))
    }

    @Test func footageWithoutSubtitlesIsPassedOnOrRefused() async throws {
        let folder = try MediaFolder()
        let context = InMemoryHost().context()
        let media = try await Probe(options: Probe.Options()).run(folder.greyFootage(), context)
        let output = try await subtitles().run(media, context)
        #expect(output.decorations.isEmpty)
        #expect(output.warnings.last == "clip.mp4 has no subtitles beside it (clip.ass or .srt)")
        let stage = try subtitles(["required": true])
        let error = try await #require(throws: StageError.self) { try await stage.run(media, context) }
        #expect(error.code == .unusableFootage && error.outcome == .invalidData)
    }

    @Test(arguments: [
        (String.Encoding.utf8, "auto"), (.utf16, "auto"), (.windowsCP1252, "auto"), (.isoLatin1, "latin1"),
    ])
    func readsTheUsualEncodings(encoding: String.Encoding, option: String) async throws {
        let folder = try MediaFolder()
        let text = "1\r\n00:00:00,000 --> 00:00:01,000\r\nGrüße aus Köln\r\n"
        try #require(text.data(using: encoding)).write(to: URL(filePath: folder.path("clip.srt")))
        let context = InMemoryHost().context()
        let media = try await Probe(options: Probe.Options()).run(folder.greyFootage(), context)
        let output = try await subtitles(["encoding": .string(option)]).run(media, context)
        guard case .subtitles(let decoration) = output.decorations.first else {
            Issue.record("nothing to draw")
            return
        }
        #expect(try SubtitleFile(decoration, width: 360, height: 640).script.contains("Grüße aus Köln"))
        #expect(output.warnings.contains { $0.contains("Windows-1252") } == (encoding == .windowsCP1252))
    }

    @Test func readsFilesWithAnyName() async throws {
        let folder = try MediaFolder()
        let name = #"it's: a [clip], ;ü \ =%"#
        try write("1\n00:00:00,000 --> 00:00:01,000\nHello\n", to: folder, as: name + ".srt")
        let video = try await folder.prepare(folder.greyFootage(name + ".mp4"), with: [try subtitles()])
        #expect(try TestImage(of: video.file.path, at: 0.1).drawn() != nil)
    }

    @Test func findsWhatCannotWork() throws {
        let folder = try MediaFolder()
        try write("", to: folder, as: "notes.txt")
        func codes(_ object: [String: JSONValue]) throws -> [String] {
            try subtitles(object).check(InMemoryHost().checking).map(\.code)
        }
        #expect(try codes(["file": .string(folder.path("notes.txt"))]) == ["unusable-file"])
        #expect(try codes(["file": .string(folder.path("gone.srt"))]) == ["missing-file"])
        #expect(try codes(["encoding": "utf-9"]) == ["unknown-encoding"])
        #expect(try codes([:]) == [])
    }

    @Test func aFileThatIsNoSubtitlesIsRefused() async throws {
        let folder = try MediaFolder()
        try write("#EXTM3U\nhttp://127.0.0.1:1/secret.ts\n", to: folder)
        let media = try await Probe(options: Probe.Options()).run(folder.greyFootage(), InMemoryHost().context())
        let stage = try subtitles()
        let error = try await #require(throws: StageError.self) {
            try await stage.run(media, InMemoryHost().context())
        }
        #expect(error.message.contains("no timed subtitles found"))
    }
}
