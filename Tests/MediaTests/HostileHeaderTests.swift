import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Testing

/// Headers that lie: none may cost memory, time or the truth.
@Suite(.timeLimit(.minutes(10))) struct HostileHeaderTests {
    private func edited(_ folder: MediaFolder, _ edit: (inout MP4Editor) throws -> Void) throws -> SourceFile {
        var clip = SampleClip()
        clip.video?.codecOptions["bf"] = "2"
        try clip.write(to: folder.path("plain.mp4"))
        var editor = try MP4Editor(contentsOf: folder.path("plain.mp4"))
        try edit(&editor)
        return try folder.source("edited.mp4", bytes: editor.data)
    }

    private func refusal(_ edit: (inout MP4Editor) throws -> Void) async throws -> StageError {
        let folder = try MediaFolder()
        let source = try edited(folder, edit)
        let error = try await #require(throws: StageError.self) { try await MediaProbe.probe(source) }
        #expect(error.code == .unusableFootage && error.hint != nil)
        return error
    }

    @Test func refusesMoreFramesThanAnyFootageHas() async throws {
        let error = try await refusal {
            try $0.set(MP4Editor.table + ["stsz"], offset: 4, to: 100)
            try $0.set(MP4Editor.table + ["stsz"], offset: 8, to: 1_000_000_000)
        }
        #expect(error.message.contains("declares 1000000000 frames"))
    }

    @Test(arguments: ["stts", "stco"]) func refusesTablesLargerThanMemory(name: String) async throws {
        let error = try await refusal { try $0.set(MP4Editor.table + [name], offset: 4, to: .max) }
        #expect(error.message.contains("its header is corrupt"))
    }

    @Test func measuresALengthThatTheHeaderExaggerates() async throws {
        let folder = try MediaFolder()
        let media = try await MediaProbe.probe(
            edited(folder) {
                try $0.set(["moov", "mvhd"], offset: 16, to: 3_600_000)
                try $0.set(["moov", "trak", "tkhd"], offset: 20, to: 3_600_000)
            })
        #expect(abs(media.duration - 1) < 0.05 && media.expectedFrames == 30)
    }

    @Test func believesTheBitstreamOverASizeInTheDescription() async throws {
        let folder = try MediaFolder()
        // Width and height are 16 bits each, ahead of the boxes in the entry.
        let media = try await MediaProbe.probe(
            edited(folder) { try $0.set(MP4Editor.description, offset: -54, to: 0xffff_ffff) })
        #expect(media.videoTrack?.codedWidth == 320 && media.videoTrack?.displayHeight == 180)
    }

    @Test func saysThatTheIndexIsMissing() async throws {
        let folder = try MediaFolder()
        try SampleClip().write(to: folder.path("whole.mp4"))
        let whole = try Data(contentsOf: folder.url.appendingPathComponent("whole.mp4"))
        let source = try folder.source("cut.mp4", bytes: whole.prefix(whole.count / 3))
        let error = try await #require(throws: StageError.self) { try await MediaProbe.probe(source) }
        #expect(error.message == "cut.mp4 has no index (moov): it was cut off, or its recording was never finished")
    }

    @Test func passesOverGarbageAfterTheEnd() async throws {
        let folder = try MediaFolder()
        try SampleClip().write(to: folder.path("whole.mp4"))
        var bytes = try Data(contentsOf: folder.url.appendingPathComponent("whole.mp4"))
        bytes.append(Data((0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 73 &+ $0 >> 3) }))
        let media = try await MediaProbe.probe(folder.source("more.mp4", bytes: bytes))
        #expect(abs(media.duration - 1) < 0.05 && media.expectedFrames == 30)
    }

    @Test func refusesAStillImageInISOForm() async throws {
        let folder = try MediaFolder()
        func box(_ name: String, _ content: [UInt8]) -> [UInt8] {
            [0, 0, 0, UInt8(8 + content.count)] + Array(name.utf8) + content
        }
        let bytes =
            box("ftyp", Array("heic".utf8) + [0, 0, 0, 0] + Array("mif1heic".utf8))
            + box("meta", [UInt8](repeating: 0, count: 60))
            + box("mdat", [UInt8](repeating: 7, count: 100))
        let source = try folder.source("photo.mov", bytes: Data(bytes))
        let error = try await #require(throws: StageError.self) { try await MediaProbe.probe(source) }
        #expect(error.message == "photo.mov is a still image, not footage")
    }

    @Test func saysThatAFileIsStillBeingWritten() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 640, height: 360, seconds: 4)
        clip.pattern = .noise
        let source = try folder.source("growing.mp4", clip)
        let handle = try #require(FileHandle(forWritingAtPath: folder.path("growing.mp4")))
        try handle.seekToEnd()
        let done = CancellationFlag()
        // A thread, which the tests beside this one can't hold up.
        let (ended, end) = AsyncStream<Void>.makeStream()
        Thread.detachNewThread {
            while !done.isCancelled { try? handle.write(contentsOf: Data(count: 64)) }
            end.finish()
        }
        let error = await #expect(throws: StageError.self) { try await MediaProbe.probe(source) }
        done.cancel()
        for await _ in ended {}
        #expect(error?.message == "growing.mp4 is still being written")
    }
}
