import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Testing

@Suite struct TimestampDiscontinuityFixerTests {
    @Test func joinsTwoRecordingsInOneStream() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(seconds: 1)
        clip.container = "mpegts"
        let first = try folder.source("1.ts", clip)
        clip.muxerSettings = ["mpegts_copyts": "1"]
        clip.filters = "setpts=PTS+5000/TB"
        clip.audio?.delay = 5000
        let second = try folder.source("2.ts", clip)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: first.file.path))
        bytes.append(try Data(contentsOf: URL(fileURLWithPath: second.file.path)))
        let media = try await MediaProbe.probe(folder.source("joined.ts", bytes: bytes))
        #expect(abs(media.duration - 2) < 0.2)
        let delivery = try await folder.deliver(folder.file("joined.ts"))
        #expect(abs(delivery.duration - 2) < 0.2)
        try await meetsSpec(delivery, folder: folder)
    }
}
