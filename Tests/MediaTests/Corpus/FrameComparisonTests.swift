import Media
import PipelineKit
import SpreaderTesting
import Testing

/// A comparison that passes everything would prove nothing: deliveries that show something else must fail.
@Suite(.enabled(if: OracleTool.isInstalled, "ffmpeg and ffprobe are not installed"))
struct FrameComparisonTests {
    private func comparison(_ change: (inout DeliveryOptions) -> Void) async throws -> FrameComparison {
        let folder = try MediaFolder()
        let source = try folder.source("clip.mp4", SampleClip(width: 640, height: 360, seconds: 1))
        let media = try await MediaProbe.probe(source)
        let delivery = try await folder.deliver(source, change)
        return try FrameComparison(of: delivery, with: media, limit: 60, scratch: folder.path("oracle"))
    }

    @Test func passesWhatShowsTheFootage() async throws {
        let same = try await comparison { _ in }
        #expect(same.similarity > CorpusLimits.similarity)
        #expect(same.colourDifference < CorpusLimits.colourDifference)
        #expect(abs(same.excessFrames) < CorpusLimits.frames)
        #expect(try #require(same.turnedSimilarity) < CorpusLimits.similarity)
        #expect(same.misreadDifference > CorpusLimits.colourDifference)
    }

    @Test func failsAnotherMomentAndAnotherLength() async throws {
        let late = try await comparison { $0.trimStart = 0.3 }
        #expect(late.similarity < CorpusLimits.similarity)
        #expect(late.excessFrames < -CorpusLimits.frames)
    }

    @Test func failsAnotherPartOfTheFrame() async throws {
        let aside = try await comparison { $0.focus = DeliveryOptions.Focus(x: 0.52, y: 0.5) }
        #expect(aside.similarity < CorpusLimits.similarity)
    }
}
