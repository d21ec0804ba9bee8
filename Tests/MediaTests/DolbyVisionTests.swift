import Media
import PipelineKit
import SpreaderTesting
import Testing

/// Dolby Vision is footage where its base layer is.
@Suite struct DolbyVisionTests {
    private func source(_ folder: MediaFolder, profile: UInt32, compatibility: UInt32) throws -> SourceFile {
        var clip = SampleClip()
        clip.video?.codec = "libx265"
        clip.video?.pixelFormat = "yuv420p10le"
        clip.video?.codecOptions = ["preset": "ultrafast", "x265-params": "log-level=none"]
        clip.video?.colour = ColourTags(range: "tv", primaries: "bt2020", transfer: "smpte2084", matrix: "bt2020nc")
        try clip.write(to: folder.path("plain.mp4"))
        var editor = try MP4Editor(contentsOf: folder.path("plain.mp4"))
        // Version 1.0, profile, level 6, metadata and base layer present; then the compatibility.
        let head = 0x0100_0000 | profile << 9 | 6 << 3 | 0b101
        try editor.insert(
            "dvcC", [head, compatibility << 28, 0, 0, 0, 0], into: MP4Editor.table + ["stsd", "hev1"])
        return try folder.source("vision.mp4", bytes: editor.data)
    }

    @Test func refusesAProfileWithoutABaseLayer() async throws {
        let folder = try MediaFolder()
        let source = try source(folder, profile: 5, compatibility: 0)
        let error = try await #require(throws: StageError.self) { try await MediaProbe.probe(source) }
        #expect(error.message.contains("Dolby Vision profile 5") && error.hint?.contains("HDR10") == true)
    }

    @Test func takesTheBaseLayerOfTheOthers() async throws {
        let folder = try MediaFolder()
        let track = try #require(
            try await MediaProbe.probe(source(folder, profile: 8, compatibility: 1)).videoTrack)
        #expect(track.dolbyVisionProfile == 8 && track.dolbyVisionCompatibility == 1 && track.dynamicRange == .pq)
        let media = try await MediaProbe.probe(source(folder, profile: 7, compatibility: 6))
        #expect(media.warnings.contains { $0.contains("only its base layer is used") })
    }
}
