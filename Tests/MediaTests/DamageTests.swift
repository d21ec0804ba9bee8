import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Testing

/// Damage is reported and limited also where nothing is decoded, and what is copied keeps to the size ceiling.
@Suite struct DamageTests {
    private func compliant(_ folder: MediaFolder, seconds: Double) throws -> SourceFile {
        var clip = SampleClip.compliant(seconds: seconds)
        clip.pattern = .noise
        return try folder.source("a.mp4", clip)
    }

    private func refusal(
        of source: SourceFile, in folder: MediaFolder, _ change: @escaping (inout DeliveryOptions) -> Void
    ) async -> StageError? {
        do throws(StageError) {
            var options = DeliveryOptions()
            options.preset = .ultrafast
            change(&options)
            let media = try await MediaProbe.probe(source)
            _ = try await Deliverer.deliver(
                media, options: options, to: folder.path("delivery.mp4"), progress: { _ in })
            return nil
        } catch {
            return error
        }
    }

    @Test func aCutThatIsTooLargeToCopyIsEncoded() async throws {
        let folder = try MediaFolder()
        let source = try compliant(folder, seconds: 4)
        let limit = source.file.bytes / 4
        let cut = try await folder.deliver(source) {
            $0.maxDuration = 2
            $0.maxBytes = limit
        }
        #expect(cut.decision.strategy == .encode && cut.bytes <= limit)
        #expect(cut.decision.videoReasons.contains { $0.contains("the cut is about") })
        let whole = try await folder.deliver(source, as: "b.mp4") {
            $0.maxDuration = 2
            $0.maxBytes = source.file.bytes
        }
        #expect(whole.decision.strategy == .smartcut)
        let refused = await refusal(of: source, in: folder) {
            $0.maxDuration = 2
            $0.maxBytes = limit
            $0.passthrough = .require
        }
        #expect(refused?.outcome == .invalidData)
    }

    @Test func aCopyThatComesOutTooLargeIsEncodedInstead() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip.compliant(seconds: 3)
        // Mono has to be encoded, and comes out larger than it was.
        clip.audio?.channels = 1
        clip.audio?.bitRate = 32_000
        let source = try folder.source("a.mp4", clip)
        let delivery = try await folder.deliver(source) { $0.maxBytes = source.file.bytes + 1000 }
        #expect(delivery.bytes <= source.file.bytes + 1000)
        #expect(delivery.decision.strategy == .encode)
        #expect(delivery.decision.videoReasons.contains { $0.contains("take more than") })
    }

    @Test func damageInsideACopyCountsOnceItIsLimited() async throws {
        let folder = try MediaFolder()
        let intact = try compliant(folder, seconds: 3)
        let clean = try await folder.deliver(intact) { $0.maxDamage = 0.01 }
        #expect(clean.decision.strategy == .copy)
        var bytes = try Data(contentsOf: folder.url.appendingPathComponent("a.mp4"))
        // Behind the index, which stands in front.
        for place in stride(from: bytes.count / 2, to: bytes.count * 3 / 4, by: 97) { bytes[place] ^= 0xA5 }
        let source = try folder.source("b.mp4", bytes: bytes)
        let unseen = try await folder.deliver(source, as: "c.mp4")
        #expect(unseen.decision.strategy == .copy)
        let told = try await folder.deliver(source, as: "d.mp4") { $0.maxDamage = 0.99 }
        #expect(
            told.warnings.contains { $0.contains("damaged") || $0.contains("can't be decoded") }, "\(told.warnings)")
        let refused = await refusal(of: source, in: folder) { $0.maxDamage = 0.05 }
        #expect(refused?.code == .unusableFootage && refused?.message.contains("too damaged") == true)
    }

    @Test func whatWasCutOffCounts() async throws {
        let folder = try MediaFolder()
        // A delivery has its index in front.
        let whole = try await folder.deliver(try compliant(folder, seconds: 4), as: "whole.mp4")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: whole.path))
        let source = try folder.source("b.mp4", bytes: bytes.prefix(bytes.count / 2))
        #expect(try await folder.deliver(source).warnings.contains { $0.contains("cut off") })
        let refused = await refusal(of: source, in: folder) { $0.maxDamage = 0.2 }
        #expect(refused?.code == .unusableFootage && refused?.message.contains("is truncated") == true)
        // Nothing of the wanted part is missing.
        let part = try await folder.deliver(source, as: "c.mp4") {
            $0.maxDamage = 0.2
            $0.maxDuration = 1
        }
        #expect(abs(part.duration - 1) < 0.05)
    }
}
