import Foundation
import SpreaderTesting
import Testing

@testable import Media

@Suite struct SubRipTests {
    @Test func readsFilesAsTheyAreFound() {
        let text = """
            1
            00:00:01,000 --> 00:00:02,500 X1:10 X2:20
            First
            line

            00:00:03.5 --> 00:04
            no number, short time
            3
            1:00:00,000 --> 1:00:01,000
            no empty line before

            4
            00:00:09,000 --> 00:00:08,000
            ends before it starts

            rubbish --> more rubbish

            5
            00:00:10,000 --> 00:00:11,000

            """
        #expect(
            SubRip.cues(text) == [
                SubRip.Cue(start: 1, end: 2.5, text: "First\nline"),
                SubRip.Cue(start: 3.5, end: 4, text: "no number, short time"),
                SubRip.Cue(start: 3600, end: 3601, text: "no empty line before"),
            ])
        #expect(SubRip.cues("").isEmpty && SubRip.cues("-->").isEmpty)
    }

    @Test(arguments: [
        ("<i>a</i> <b>b</b>", #"{\i1}a{\i0} {\b1}b{\b0}"#), ("I <3 you", "I <3 you"), ("<script>x</script>", "x"),
        (#"{\an8}top"#, #"{\an8}top"#), (#"mid{\an8}{\pos(1,2)}dle"#, "middle"), ("{plain}", #"\{plain\}"#),
        (#"a\Nb"#, "a\\\u{2060}Nb"), ("two\nlines", #"two\Nlines"#), ("1 < 2 > 0", "1 < 2 > 0"),
    ])
    func keepsWhatIsMarkupAndDrawsTheRest(written: String, drawn: String) {
        #expect(SubRip.markup(written) == drawn)
    }

    @Test func aValueCannotEndItsOptionOrFilter() {
        #expect(FilterText.value("a:b") == #"a\\:b"#)
        #expect(FilterText.value("it's") == #"it\\\'s"#)
        #expect(FilterText.value("[x],;") == #"\[x\]\,\;"#)
        #expect(FilterText.value(" ") == #"\\\ "#)
    }

    @Test func readsTheSizeOfImagesFromTheirHeaders() {
        let png: [UInt8] =
            [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13] + Array("IHDR".utf8)
            + [0, 0, 1, 0, 0, 0, 0, 200, 8, 6, 0, 0, 0]
        let header = ImageHeader(png)
        #expect(header?.format == .png && header?.width == 256 && header?.height == 200)
        let jpeg: [UInt8] = [0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 17, 8, 0, 90, 0, 160, 3, 0, 0, 0]
        #expect(ImageHeader(jpeg).map { [$0.width, $0.height] } == [160, 90])
        // Cut off at every length: an answer or none, never a crash.
        for length in 0..<png.count { _ = ImageHeader(Array(png.prefix(length))) }
        for length in 0..<jpeg.count { _ = ImageHeader(Array(jpeg.prefix(length))) }
        #expect(ImageHeader(Array("RIFF....WEBPVP8X".utf8)) == nil)
    }

    @Test func refusesAnImageOfMorePixelsThanCanBeCounted() throws {
        let folder = try MediaFolder()
        let head: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13] + Array("IHDR".utf8)
        let path = folder.path("vast.png")
        try Data(head + [UInt8](repeating: 0xff, count: 8) + [8, 6, 0, 0, 0]).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: MediaError.self) { try StillImage(path: path) }
        #expect(error?.text == "an image of 4294967295×4294967295 can't be used")
    }
}
