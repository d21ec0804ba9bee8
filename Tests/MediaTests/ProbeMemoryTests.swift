import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Synchronization
import Testing

@Suite final class ProbeMemoryTests {
    private let folder: MediaFolder
    private let source: SourceFile
    private let probes = Mutex(0)

    init() throws {
        folder = try MediaFolder()
        try SampleClip().write(to: folder.path("clip.mp4"))
        source = SourceFile(file: FileReference(path: folder.path("clip.mp4"), bytes: 0), displayPath: "clip.mp4")
    }

    private func media(_ memory: ProbeMemory, of source: SourceFile) async throws -> ProbedMedia {
        try await memory.media(of: source) { () async throws(StageError) in
            probes.withLock { $0 += 1 }
            return try await MediaProbe.probe(source)
        }
    }

    @Test func looksOnceAtFootageThatStandsStill() async throws {
        let memory = ProbeMemory(now: { Date(timeIntervalSinceNow: 60) })
        let first = try await media(memory, of: source)
        var digested = source
        digested.file.sha256 = "abc"
        let second = try await media(memory, of: digested)
        #expect(probes.withLock { $0 } == 1)
        #expect(second.video == first.video)
        #expect(second.source.file.sha256 == "abc")
    }

    @Test func looksAgainAfterAnyWriting() async throws {
        let memory = ProbeMemory(now: { Date(timeIntervalSinceNow: 60) })
        let first = try await media(memory, of: source)
        let time = try FileManager.default.attributesOfItem(atPath: source.file.path)[.modificationDate]
        try SampleClip(width: 360).write(to: source.file.path)
        // Programs that copy set the old time again.
        try FileManager.default.setAttributes([.modificationDate: time as Any], ofItemAtPath: source.file.path)
        let second = try await media(memory, of: source)
        #expect(first.videoTrack?.codedWidth != second.videoTrack?.codedWidth)
        #expect(second.videoTrack?.codedWidth == 360)
    }

    @Test func doesNotTrustFootageThatWasJustWritten() async throws {
        // The clock stands: how long probing takes is no matter.
        let now = Date()
        let memory = ProbeMemory(now: { now })
        _ = try await media(memory, of: source)
        _ = try await media(memory, of: source)
        #expect(probes.withLock { $0 } == 2)
    }
}
