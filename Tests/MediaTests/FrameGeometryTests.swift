import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Testing

/// Which part of the stored frame is meant to be seen.
@Suite struct FrameGeometryTests {
    private func probe(
        _ clip: SampleClip = SampleClip(width: 320, height: 240), _ edit: (inout MP4Editor) throws -> Void
    ) async throws -> ProbedMedia {
        let folder = try MediaFolder()
        try clip.write(to: folder.path("plain.mp4"))
        var editor = try MP4Editor(contentsOf: folder.path("plain.mp4"))
        try edit(&editor)
        return try await MediaProbe.probe(folder.source("edited.mp4", bytes: editor.data))
    }

    @Test func readsTheCleanAperture() async throws {
        let media = try await probe { try $0.setCleanAperture(width: 280, height: 200, right: 4, down: -10) }
        let track = try #require(media.videoTrack)
        #expect(track.cleanAperture == FrameRegion(x: 24, y: 10, width: 280, height: 200))
        #expect((track.codedWidth, track.codedHeight) == (320, 240))
        #expect((track.displayWidth, track.displayHeight) == (280, 200))
    }

    @Test func turnsTheShownSizeWithTheFrame() async throws {
        var clip = SampleClip(width: 320, height: 240)
        clip.rotation = 90
        let track = try #require(try await probe(clip) { try $0.setCleanAperture(width: 280, height: 200) }.videoTrack)
        #expect((track.displayWidth, track.displayHeight) == (200, 280))
    }

    @Test func alignsToEvenPixelsWithinTheFrame() async throws {
        let track = try #require(try await probe { try $0.setCleanAperture(width: 303, height: 240) }.videoTrack)
        let area = try #require(track.cleanAperture)
        #expect(area.x % 2 == 0 && area.width % 2 == 0 && area.height == 240 && area.y == 0)
        #expect(area.x >= 8 && area.x + area.width <= 312)
    }

    @Test(arguments: [(320, 240, 0), (321, 240, 0)]) func ignoresAnApertureThatIsAllOfIt(
        width: UInt32, height: UInt32, right: Int32
    ) async throws {
        let media = try await probe { try $0.setCleanAperture(width: width, height: height, right: right) }
        #expect(media.videoTrack?.cleanAperture == nil)
    }

    @Test(arguments: [(4000, 240, 0), (280, 200, 400), (0, 0, 0)]) func ignoresASenselessApertureAndSaysSo(
        width: UInt32, height: UInt32, right: Int32
    ) async throws {
        let media = try await probe { try $0.setCleanAperture(width: width, height: height, right: right) }
        #expect(media.videoTrack?.cleanAperture == nil && media.videoTrack?.displayWidth == 320)
        #expect(media.warnings.contains { $0.contains("clean aperture") })
    }

    @Test func survivesADenominatorOfZero() async throws {
        let media = try await probe {
            try $0.insert("clap", [280, 0, 200, 0, 0, 0, 0, 0], into: MP4Editor.description)
        }
        #expect(media.videoTrack?.cleanAperture == nil)
    }

    @Test func takesTheShapeOfPixelsFromTheTrackHeader() async throws {
        let media = try await probe {
            try $0.hide(MP4Editor.description + ["pasp"])
            try $0.set(["moov", "trak", "tkhd"], offset: 76, to: 640 << 16)
        }
        #expect(media.videoTrack?.displayWidth == 640 && media.videoTrack?.displayHeight == 240)
    }

    @Test func disbelievesATrackHeaderOfSenselessSize() async throws {
        let media = try await probe {
            try $0.hide(MP4Editor.description + ["pasp"])
            try $0.set(["moov", "trak", "tkhd"], offset: 76, to: UInt32(50_000) << 16)
            try $0.set(["moov", "trak", "tkhd"], offset: 80, to: UInt32(50_000) << 16)
        }
        #expect(media.videoTrack?.displayWidth == 320 && media.videoTrack?.displayHeight == 240)
        #expect(media.warnings.contains { $0.contains("50000×50000") })
    }

    /// libx264 pads 322×182 to whole blocks and says so in the bitstream, which decoders obey.
    @Test func leavesTheBitstreamsOwnCroppingToTheDecoder() async throws {
        let folder = try MediaFolder()
        let media = try await MediaProbe.probe(folder.source("odd.mp4", SampleClip(width: 322, height: 182)))
        #expect(media.videoTrack?.cleanAperture == nil)
        #expect(media.videoTrack?.codedWidth == 322 && media.videoTrack?.codedHeight == 182)
    }

    @Test func readsTheCropOfMatroska() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 320, height: 240)
        clip.container = "matroska"
        clip.video?.colour = DeliverySpec.colour
        try clip.write(to: folder.path("plain.mkv"))
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path("plain.mkv"))))
        let edited = try #require(Self.putCrop(into: &bytes, left: 16, right: 24, top: 10, bottom: 30))
        let media = try await MediaProbe.probe(folder.source("crop.mkv", bytes: Data(edited)))
        #expect(media.videoTrack?.cleanAperture == FrameRegion(x: 16, y: 10, width: 280, height: 200))
        #expect(media.videoTrack?.displayWidth == 280 && media.videoTrack?.displayHeight == 200)
    }

    /// Puts a crop in the place of the colour and display size that the muxer wrote.
    private static func putCrop(
        into bytes: inout [UInt8], left: UInt8, right: UInt8, top: UInt8, bottom: UInt8
    ) -> [UInt8]? {
        let crop: [UInt8] = [
            0x54, 0xAA, 0x81, bottom, 0x54, 0xBB, 0x81, top, 0x54, 0xCC, 0x81, left, 0x54, 0xDD, 0x81, right,
        ]
        // Video (E0), its size in one byte, PixelWidth 320 (B0 82 01 40), PixelHeight 240 (BA 81 F0).
        let start = bytes.indices.dropLast(40).first {
            bytes[$0..<$0 + 7].elementsEqual([0xB0, 0x82, 1, 0x40, 0xBA, 0x81, 0xF0])
        }
        guard let start else { return nil }
        let end = start + 7
        // What follows up to the end of the element is replaced; a Void element (EC) fills the rest.
        guard let video = (start - 12..<start).last(where: { bytes[$0] == 0xE0 }) else { return nil }
        let sizeLength = bytes[video + 1].leadingZeroBitCount + 1
        let size =
            bytes[video + 1..<video + 1 + sizeLength].reduce(0) { $0 << 8 | Int($1) } & ((1 << (7 * sizeLength)) - 1)
        let room = video + 1 + sizeLength + size - end
        guard room >= crop.count + 2 else { return nil }
        var filling = crop + [0xEC, UInt8(0x80 | (room - crop.count - 2))]
        filling += [UInt8](repeating: 0, count: room - filling.count)
        bytes.replaceSubrange(end..<end + room, with: filling)
        return bytes
    }
}
