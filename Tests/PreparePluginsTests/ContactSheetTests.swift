import ContactSheetPlugin
import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Testing

@Suite struct ContactSheetTests {
    /// A second of red, then one of blue.
    private func clip() -> SampleClip {
        var clip = SampleClip(width: 180, height: 320, seconds: 2)
        clip.pattern = .plain("red")
        clip.filters = "drawbox=color=blue:t=fill:enable='gte(t,0.999)'"
        clip.video?.colour = DeliverySpec.colour
        clip.audio = nil
        return clip
    }

    private func sheet(_ folder: MediaFolder, _ object: [String: JSONValue]) throws -> ContactSheet {
        try ContactSheet(
            options: ContactSheet.Options.make(
                from: ["directory": .string(folder.path("out"))].merging(object) { $1 }))
    }

    private func names(_ folder: MediaFolder) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path("out")).sorted()
    }

    @Test func showsFramesFromStartToEnd() async throws {
        let folder = try MediaFolder()
        let input = try folder.prepared("clip.mp4", clip())
        let output = try await sheet(folder, ["columns": 3, "rows": 2, "width": 640]).run(
            input, InMemoryHost().context())
        #expect(output == input)
        #expect(try names(folder) == ["clip-sheet.png"])
        let image = try TestImage(file: folder.path("out/clip-sheet.png"))
        // Frames of 202×360 (even sides), 8 pixels between and around them.
        #expect((image.width, image.height) == (640, 2 * 360 + 3 * 8))
        let middles = [100, 320, 540].flatMap { x in [188, 556].map { (x, $0) } }
        for (x, y) in middles {
            let pixel = try image.pixel(x, y)
            #expect(y < 370 ? pixel.red > 200 && pixel.blue < 60 : pixel.blue > 200 && pixel.red < 60)
        }
        #expect(try image.pixel(320, 3).red < 40)
    }

    @Test func writesTheTimesWhereAFontIsInstalled() async throws {
        let folder = try MediaFolder()
        let input = try folder.prepared("clip.mp4", clip())
        _ = try await sheet(folder, ["columns": 1, "rows": 1, "width": 320]).run(input, InMemoryHost().context())
        let image = try TestImage(file: folder.path("out/clip-sheet.png"))
        var white = 0
        for y in (image.height - 48)..<(image.height - 8) {
            for x in 8..<120 where try image.pixel(x, y).green > 200 { white += 1 }
        }
        guard case .installed = FontLookup.find("sans-serif") else { return }
        #expect(white > 60)
    }

    @Test func neverWritesOverAnotherFile() async throws {
        let folder = try MediaFolder()
        let input = try folder.prepared("clip.mp4", clip())
        let stage = try sheet(folder, ["columns": 2, "rows": 1, "width": 320])
        _ = try await stage.run(input, InMemoryHost().context())
        _ = try await stage.run(input, InMemoryHost().context())
        #expect(try names(folder) == ["clip-sheet.png"])
        try Data("another".utf8).write(to: URL(filePath: folder.path("out/clip-sheet.png")))
        _ = try await stage.run(input, InMemoryHost().context())
        #expect(try names(folder) == ["clip-sheet-2.png", "clip-sheet.png"])
    }

    @Test func findsFramesTooSmallToSee() throws {
        let folder = try MediaFolder()
        let stage = try sheet(folder, ["columns": 20, "width": 320])
        #expect(stage.check(InMemoryHost().checking).map(\.pointer) == ["/columns"])
    }
}
