import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Testing

/// Real footage from many cameras, programs and test suites: each file is delivered as the spec wants it and shows what
/// `ffmpeg` shows of the footage, or is refused with a message. Runs where the footage is; see `MediaCorpus`.
@Suite(.enabled(if: MediaCorpus.folder != nil, "no footage beside the repository; set SPREADER_FOOTAGE"))
struct CorpusTests {
    /// 4:4:4 of an old x264, which decodes rightly only when its first packet was seen.
    @Test func decodesOldFourFourFourAlsoBehindATrim() async throws {
        guard let file = MediaCorpus.files.first(where: { $0.lastPathComponent.contains("yuv444") }) else { return }
        let folder = try MediaFolder()
        let bytes = (try file.resourceValues(forKeys: [.fileSizeKey]).fileSize).map(Int64.init) ?? 0
        let source = SourceFile(
            file: FileReference(path: file.path, bytes: bytes), displayPath: file.lastPathComponent)
        let whole = try await folder.deliver(source, as: "whole.mp4") { $0.maxDuration = 21 }
        let part = try await folder.deliver(source, as: "part.mp4") {
            $0.trimStart = 20
            $0.maxDuration = 1
        }
        #expect(part.warnings.allSatisfy { !$0.contains("damaged") && !$0.contains("decoded") }, "\(part.warnings)")
        let (all, some) = (try FrameReader.luma(of: whole.path), try FrameReader.luma(of: part.path))
        let offset = all.count - some.count
        for index in stride(from: 0, to: some.count, by: 7) {
            #expect(FrameReader.difference(all[offset + index], some[index]) < 2, "frame \(index)")
        }
    }

    @Test(.timeLimit(.minutes(10))) func deliversOrRefusesEveryFile() async throws {
        let folder = try MediaFolder()
        var results: [CorpusResult] = []
        // Two at a time: decoding and encoding leave processors idle by turns.
        try await withThrowingTaskGroup(of: CorpusResult.self) { group in
            for (number, file) in MediaCorpus.files.enumerated() {
                if number >= 2, let result = try await group.next() { results.append(result) }
                group.addTask { try await CorpusResult(delivering: file, in: folder) }
            }
            for try await result in group { results.append(result) }
        }
        results.sort { $0.name < $1.name }
        print(results.map(\.line).joined(separator: "\n"))
        for result in results { result.check() }

        let delivered = results.compactMap(\.delivery?.path)
        #expect(!delivered.isEmpty)
        if let failures = MediaCorpus.failures(of: delivered) { #expect(failures == []) }
        let comparisons = results.compactMap(\.comparison)
        guard !comparisons.isEmpty else {
            print("the deliveries are not compared with the footage: ffmpeg and ffprobe are not installed")
            return
        }
        // Not all footage has colours that tell, but much of it does.
        let telling = comparisons.filter { $0.misreadDifference > CorpusLimits.colourDifference }
        #expect(telling.count * 5 > comparisons.count, "few colours would show a wrong matrix")
    }
}

/// What became of one file.
private struct CorpusResult: Sendable {
    let name: String
    private(set) var delivery: Deliverer.Delivery?
    private(set) var refusal: StageError?
    private(set) var comparison: FrameComparison?

    private static let maxDuration = 5.0

    init(delivering file: URL, in folder: MediaFolder) async throws {
        let name = file.lastPathComponent
        self.name = name
        let size = (try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? NSNumber)?.int64Value
        let source = SourceFile(file: FileReference(path: file.path, bytes: size ?? 0), displayPath: name)
        var options = DeliveryOptions()
        options.preset = .ultrafast
        options.maxDuration = Self.maxDuration
        let media: ProbedMedia
        let delivery: Deliverer.Delivery
        do throws(StageError) {
            media = try await MediaProbe.probe(source)
            delivery = try await Deliverer.deliver(
                media, options: options, to: folder.path(name + ".mp4"), progress: { _ in })
        } catch {
            refusal = error
            return
        }
        self.delivery = delivery
        guard OracleTool.isInstalled else { return }
        let scratch = folder.path(name + ".oracle")
        comparison = try await BlockingWork.run(name: "compare") { _ in
            try FrameComparison(
                of: delivery, with: media, limit: Self.maxDuration, early: CorpusLimits.early[name] ?? 0,
                aperture: CorpusLimits.apertures[name], scratch: scratch)
        }
    }

    /// One line of the table.
    var line: String {
        if let refusal { return "\(name): refused: \(refusal)" }
        guard let delivery else { return name }
        let decision = delivery.decision
        let scores = comparison.map {
            String(
                format: "SSIM %.3f, turned %@, colours %.1f, misread %.1f, frames %+.2f", $0.similarity,
                $0.turnedSimilarity.map { String(format: "%.3f", $0) } ?? "flat", $0.colourDifference,
                $0.misreadDifference, $0.excessFrames)
        }
        return
            "\(name): \(decision.strategy) \(decision.format.width)×\(decision.format.height) \(decision.format.frameRate) "
            + "\(delivery.duration) s \(delivery.bytes) B \(scores ?? "not compared") \(delivery.warnings)"
    }

    /// Holds the result to the limits.
    func check() {
        if let refusal {
            #expect(refusal.code == .unusableFootage && refusal.message.hasPrefix(name), "\(refusal)")
            #expect(CorpusLimits.unusable.contains(name), "\(refusal)")
        }
        guard let comparison else { return }
        let floor = CorpusLimits.similarities[name] ?? CorpusLimits.similarity
        #expect(comparison.similarity >= floor, "\(name) looks different")
        let ceiling = CorpusLimits.colourDifferences[name] ?? CorpusLimits.colourDifference
        #expect(comparison.colourDifference <= ceiling, "\(name) has other colours")
        let excess = CorpusLimits.excessFrames[name] ?? CorpusLimits.frames
        #expect((-CorpusLimits.frames...excess).contains(comparison.excessFrames), "\(name) lasts longer or shorter")
        if let turned = comparison.turnedSimilarity, !CorpusLimits.symmetric.contains(name) {
            #expect(turned < floor, "\(name) would pass the wrong way round, too")
        }
    }
}
