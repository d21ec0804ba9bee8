import CoverPlugin
import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Testing

@Suite struct CoverTests {
    /// Black, then blurred, then sharp, then white: 0.4 s each.
    private func clip(keyFrames: Int) -> SampleClip {
        var clip = SampleClip(width: 180, height: 320, seconds: 1.6)
        clip.filters =
            "drawbox=color=black:t=fill:enable='lt(t,0.399)',gblur=sigma=10:enable='between(t,0.399,0.799)'"
            + ",drawbox=color=white:t=fill:enable='gte(t,1.199)'"
        clip.video?.keyFrameInterval = keyFrames
        clip.audio = nil
        return clip
    }

    private func cover(_ object: [String: JSONValue] = [:]) throws -> Cover {
        try Cover(options: Cover.Options.make(from: object))
    }

    @Test(arguments: [6, 100])
    func picksASharpFrameThatIsNeitherBlackNorWhite(keyFrames: Int) async throws {
        let folder = try MediaFolder()
        let input = try folder.prepared("clip.mp4", clip(keyFrames: keyFrames))
        let output = try await cover().run(input, InMemoryHost().context())
        let time = try #require(output.coverTime)
        #expect((0.8..<1.2).contains(time))
        #expect(output.file == input.file)
        #expect(output.summary["coverTime"]?.doubleValue == time)
    }

    @Test func neverPicksTheFirstMoment() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 180, height: 320, seconds: 1)
        clip.filters = "gblur=sigma=6:enable='gt(t,0.15)'"
        clip.audio = nil
        let output = try await cover().run(
            try folder.prepared("clip.mp4", clip), InMemoryHost().context())
        #expect(try #require(output.coverTime) >= 0.2)
    }

    @Test func passesOverAFade() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 180, height: 320, seconds: 1.5)
        clip.filters = "fade=in:st=0:d=0.9"
        clip.video?.keyFrameInterval = 5
        clip.audio = nil
        let output = try await cover().run(
            try folder.prepared("clip.mp4", clip), InMemoryHost().context())
        #expect(try #require(output.coverTime) > 0.75)
    }

    @Test func hasACoverForTheShortestAndTheDarkest() async throws {
        let folder = try MediaFolder()
        var short = SampleClip(width: 180, height: 320, seconds: 0.1)
        short.audio = nil
        let first = try await cover().run(try folder.prepared("short.mp4", short), InMemoryHost().context())
        #expect((0...0.1).contains(try #require(first.coverTime)))
        var dark = SampleClip(width: 180, height: 320, seconds: 0.5)
        dark.pattern = .plain("black")
        dark.audio = nil
        let second = try await cover().run(try folder.prepared("dark.mp4", dark), InMemoryHost().context())
        #expect((0.2..<0.5).contains(try #require(second.coverTime)))
    }

    @Test(arguments: [
        ("covers", "covers/clip-cover.jpg"), ("covers/{{ name }}.png", "covers/clip.png"),
    ])
    func writesTheFrameAndNeverOverAnother(save: String, written: String) async throws {
        let folder = try MediaFolder()
        let input = try folder.prepared("clip.mp4", clip(keyFrames: 12))
        let stage = try cover(["save": .string(folder.path(save))])
        let output = try await stage.run(input, InMemoryHost().context())
        let still = try TestImage(file: folder.path(written))
        #expect((still.width, still.height) == (180, 320))
        let shown = try TestImage(of: input.file.path, at: try #require(output.coverTime))
        // On average: edges of colour differ by how the planes are enlarged.
        var difference = 0
        for y in stride(from: 0, to: 320, by: 4) {
            for x in stride(from: 0, to: 180, by: 4) {
                let (a, b) = (try still.pixel(x, y), try shown.pixel(x, y))
                difference += abs(a.red - b.red) + abs(a.green - b.green) + abs(a.blue - b.blue)
            }
        }
        #expect(Double(difference) / Double(80 * 45 * 3) < 8)
        _ = try await stage.run(input, InMemoryHost().context())
        try Data("another".utf8).write(to: URL(filePath: folder.path(written)))
        _ = try await stage.run(input, InMemoryHost().context())
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path("covers"))
        #expect(names.count == 2)
        #expect(try String(contentsOfFile: folder.path(written), encoding: .utf8) == "another")
    }

    @Test func refusesAFileThatIsNoVideo() async throws {
        let folder = try MediaFolder()
        var input = try folder.prepared("clip.mp4", clip(keyFrames: 12))
        input.file.path = folder.path("gone.mp4")
        let (stage, broken) = (try cover(), input)
        let error = try await #require(throws: StageError.self) {
            try await stage.run(broken, InMemoryHost().context())
        }
        #expect(error.code == .media)
    }
}
