import Foundation
import Media
import OverlayPlugin
import PipelineKit
import ProbePlugin
import SpreaderTesting
import Testing
import TranscodePlugin

@Suite struct OverlayTests {
    private func overlay(_ object: [String: JSONValue]) throws -> Overlay {
        try Overlay(options: Overlay.Options.make(from: object))
    }

    @Test(arguments: Anchor.allCases)
    func standsWhereItIsAskedTo(position: Anchor) async throws {
        let folder = try MediaFolder()
        try TestImage.write("color=red:s=200x100", to: folder.path("logo.png"))
        let stage = try overlay(["image": .string(folder.path("logo.png")), "position": position.optionJSON])
        let video = try await folder.prepare(folder.greyFootage(), with: [stage])
        let box = try #require(try TestImage(of: video.file.path, at: 0.1).drawn())
        #expect(box.isFree)
        #expect(abs(box.width - 0.2) < 0.02)
        let shape = box.width * 360 / (box.height * 640)
        #expect(abs(shape - 2) < 0.15)
        let freeX = 0.06 + (0.83 - box.width) * position.x
        let freeY = 0.07 + (0.76 - box.height) * position.y
        #expect(abs(box.left - freeX) < 0.012 && abs(box.top - freeY) < 0.008)
        #expect(video.strategy == .encode)
    }

    @Test func fillsTheWholeFrameWhenAskedTo() async throws {
        let folder = try MediaFolder()
        try TestImage.write("color=red:s=90x160", to: folder.path("frame.png"))
        let stage = try overlay([
            "image": .string(folder.path("frame.png")), "width": "100%", "safeArea": false, "opacity": "50%",
        ])
        let video = try await folder.prepare(folder.greyFootage(), with: [stage])
        let image = try TestImage(of: video.file.path, at: 0)
        for (x, y) in [(1, 1), (358, 1), (1, 638), (358, 638), (180, 320)] {
            let pixel = try image.pixel(x, y)
            #expect(abs(pixel.red - 190) < 12 && abs(pixel.green - 64) < 12 && abs(pixel.blue - 64) < 12)
        }
    }

    @Test func keepsTransparencyAndColour() async throws {
        let folder = try MediaFolder()
        // Left half opaque green, right half clear.
        try TestImage.write(
            "color=black@0:s=100x200,format=rgba[clear];color=0x20c040:s=100x200,format=rgba[full];[full][clear]hstack",
            to: folder.path("logo.png"))
        let stage = try overlay(["image": .string(folder.path("logo.png")), "width": "50%", "position": "center"])
        let video = try await folder.prepare(folder.greyFootage(), with: [stage])
        let image = try TestImage(of: video.file.path, at: 0.1)
        let (x, y) = (Int(0.475 * 360), Int(0.45 * 640))
        let left = try image.pixel(x - 45, y)
        #expect(abs(left.red - 0x20) < 10 && abs(left.green - 0xc0) < 10 && abs(left.blue - 0x40) < 10)
        let right = try image.pixel(x + 45, y)
        #expect(abs(right.red - 128) < 6 && abs(right.green - 128) < 6 && abs(right.blue - 128) < 6)
        // No dark seam between them.
        for offset in -12...12 { #expect(try image.pixel(x + offset, y).green > 110) }
    }

    @Test func isShownInItsTimeOnly() async throws {
        let folder = try MediaFolder()
        try TestImage.write("color=red:s=20x20", to: folder.path("logo.png"))
        let stages = [
            try overlay([
                "image": .string(folder.path("logo.png")), "start": "0.2s", "end": "0.4s",
            ]),
            try overlay(["text": "later", "start": "0.5s", "position": "bottom"]),
        ]
        let video = try await folder.prepare(folder.greyFootage(seconds: 0.8), with: stages)
        func drawn(_ time: Double) throws -> Bool { try TestImage(of: video.file.path, at: time).drawn() != nil }
        #expect(try !drawn(0.17))
        #expect(try drawn(0.21))
        #expect(try drawn(0.38))
        #expect(try !drawn(0.41))
        #expect(try !drawn(0.48))
        #expect(try drawn(0.51))
    }

    @Test(arguments: [
        "It's 100% {real}: a;b,c [x]", #"C:\new \N \h "quoted""#, #"{\b1\p1}m 0 0 l 900 0 900 900"#,
        "two\nlines\r\nthree",
        "x[out];movie=/etc/passwd[y]", "'':,ass=filename=/dev/null",
        "\u{1f600} \u{5e9}\u{5dc}\u{5d5}\u{5dd} مرحبا Żółć",
        "%{pts} $HOME ${HOME} \\\\ <b>&amp;</b>", "tab\there\u{7}", #"\"#,
    ])
    func drawsAnyTextAsItIs(text: String) async throws {
        let folder = try MediaFolder()
        let stage = try overlay(["text": .string(text), "position": "center", "colour": "yellow"])
        let video = try await folder.prepare(folder.greyFootage(), with: [stage])
        let box = try #require(try TestImage(of: video.file.path, at: 0.1).drawn())
        #expect(box.isFree)
        #expect(box.height > 0.012)
        #expect(folder.names.allSatisfy { !$0.contains("decorations") })
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("work")) == ["transcode.mp4"])
    }

    /// Markup in a text would change what is drawn: braces and their content would vanish.
    @Test func bracesAndBackslashesTakeTheirPlace() async throws {
        let folder = try MediaFolder()
        func width(_ text: String) async throws -> Double {
            let stage = try overlay(["text": .string(text), "position": "center", "font": "monospace", "size": "3%"])
            let video = try await folder.prepare(folder.greyFootage(), with: [stage])
            let box = try #require(try TestImage(of: video.file.path, at: 0.1).drawn())
            return box.width
        }
        let plain = try await width("HHHHHHHHHH")
        #expect(abs(try await width(#"H{\b1}NNNH"#) - plain) < 0.02)
        #expect(abs(try await width(#"H\Nxx\hxxH"#) - plain) < 0.02)
    }

    @Test(arguments: [Anchor.bottomRight, .center, .topLeft])
    func makesTextSmallerWhereItWouldNotFit(position: Anchor) async throws {
        let folder = try MediaFolder()
        let word = String(repeating: "Wordwithoutend", count: 4)
        let stage = try overlay(["text": .string(word), "size": "12%", "position": position.optionJSON])
        let video = try await folder.prepare(folder.greyFootage(), with: [stage])
        #expect(try #require(try TestImage(of: video.file.path, at: 0.1).drawn()).isFree)
    }

    @Test func readsFilesWithAnyName() async throws {
        let folder = try MediaFolder()
        let name = #"it's: a [logo], ;ü \ =%.png"#
        try TestImage.write("color=red:s=20x20", to: folder.path(name))
        let video = try await folder.prepare(
            folder.greyFootage(), with: [try overlay(["image": .string(folder.path(name))])])
        #expect(try TestImage(of: video.file.path, at: 0.1).drawn() != nil)
    }

    @Test func encodesWhatWouldBeCopiedOtherwise() async throws {
        let folder = try MediaFolder()
        try TestImage.write("color=red:s=20x20", to: folder.path("logo.png"))
        let source = try folder.source("clip.mp4", .compliant(seconds: 0.5))
        let stage = try overlay(["image": .string(folder.path("logo.png"))])
        let options: [String: JSONValue] = ["size": "auto"]
        let video = try await folder.prepare(source, with: [stage], options: options)
        #expect(video.strategy == .encode)
        #expect(video.reasons.contains("an overlay is drawn on it"))
        #expect(try await folder.prepare(source, with: [Overlay](), options: options).strategy == .copy)
    }

    @Test func namesItsFileWithDigestInAnArtifactThatOldJournalsStillFit() async throws {
        let folder = try MediaFolder()
        try TestImage.write("color=red:s=20x20", to: folder.path("logo.png"))
        let host = InMemoryHost()
        let media = try await Probe(options: Probe.Options()).run(folder.greyFootage(), host.context())
        let output = try await overlay(["image": .string(folder.path("logo.png"))]).run(media, host.context())
        #expect(output.files.map(\.path) == [media.source.file.path, folder.path("logo.png")])
        #expect(output.files.last?.sha256 == (try FileDigest.sha256(ofFileAt: folder.path("logo.png"))))
        let data = try JSONEncoder().encode(output)
        #expect(try JSONDecoder().decode(ProbedMedia.self, from: data) == output)
        guard case .object(var members) = try JSONDecoder().decode(JSONValue.self, from: data) else { return }
        members["decorations"] = nil
        let old = try JSONDecoder().decode(ProbedMedia.self, from: JSONEncoder().encode(JSONValue.object(members)))
        #expect(old == media)
    }

    /// Another font under the same name draws another image.
    @Test(arguments: ["sans-serif", "No Such Family"]) func dependsOnTheFontThatIsInstalled(font: String) async throws {
        let folder = try MediaFolder()
        let media = try await Probe(options: Probe.Options()).run(folder.greyFootage(), InMemoryHost().context())
        let drawn = try overlay(["text": "Hello", "font": .string(font)]).dependencies(media)
        #expect(drawn.count == 1 && drawn.allSatisfy { FileManager.default.fileExists(atPath: $0) }, "\(drawn)")
        #expect(try overlay(["image": "/logo.png", "font": .string(font)]).dependencies(media) == ["/logo.png"])
    }

    @Test func findsWhatCannotWork() throws {
        let folder = try MediaFolder()
        try Data("no picture".utf8).write(to: URL(filePath: folder.path("logo.png")))
        func codes(_ object: [String: JSONValue]) throws -> [String] {
            try overlay(object).check(InMemoryHost().checking).map(\.code)
        }
        #expect(try codes([:]) == ["missing-option"])
        #expect(try codes(["text": "a", "image": "b.png"]) == ["contradicting-options"])
        #expect(try codes(["image": .string(folder.path("logo.png"))]) == ["unusable-file"])
        #expect(try codes(["image": .string(folder.path("gone.png"))]) == ["unusable-file"])
        #expect(try codes(["text": " "]) == ["empty-value"])
        #expect(try codes(["text": "a", "start": "2s", "end": "1s"]) == ["contradicting-options"])
        #expect(try codes(["text": "a", "font": "No Such Font At All"]) == ["missing-font"])
        #expect(try codes(["text": "a", "font": .string(folder.path("logo.ttf"))]) == ["unusable-font"])
        #expect(try codes(["text": "a"]) == [])
        #expect(
            Overlay.Options.findings(in: ["safeArea": ["botom": "5%"]]).first?.problem.hint?.contains("bottom") == true)
        #expect(Overlay.Options.findings(in: ["safeArea": ["top": "60%"]]).map(\.key) == ["safeArea"])
    }

    @Test func anImageThatCannotBeDecodedIsRefusedBeforeTheEncode() async throws {
        let folder = try MediaFolder()
        try TestImage.write("testsrc=s=300x300", to: folder.path("logo.png"))
        let whole = try Data(contentsOf: URL(filePath: folder.path("logo.png")))
        try whole.prefix(60).write(to: URL(filePath: folder.path("cut.png")))
        let media = try await Probe(options: Probe.Options()).run(folder.greyFootage(), InMemoryHost().context())
        let stage = try overlay(["image": .string(folder.path("cut.png"))])
        let error = try await #require(throws: StageError.self) {
            try await stage.run(media, InMemoryHost().context())
        }
        #expect(error.code == .invalidOption && error.message.contains("cut.png"))
    }
}
