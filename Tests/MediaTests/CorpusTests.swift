import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Testing

/// Real footage from many cameras, programs and test suites: each file is delivered as the spec wants it or refused
/// with a message. Runs where the footage is; see `MediaCorpus`.
@Suite(.enabled(if: MediaCorpus.folder != nil, "no footage beside the repository; set SPREADER_FOOTAGE"))
struct CorpusTests {
    /// Files in which nothing can be decoded.
    private static let unusable: Set<String> = ["fate_truncated_2668s_claim.mp4", "streamio_broken.mp4"]

    @Test(.timeLimit(.minutes(10))) func deliversOrRefusesEveryFile() async throws {
        let folder = try MediaFolder()
        var table: [String] = []
        var delivered: [String] = []
        for file in MediaCorpus.files {
            let name = file.lastPathComponent
            let size = (try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? NSNumber)?.int64Value
            let source = SourceFile(file: FileReference(path: file.path, bytes: size ?? 0), displayPath: name)
            var options = DeliveryOptions()
            options.preset = "ultrafast"
            options.maxDuration = 5
            do throws(StageError) {
                let media = try await MediaProbe.probe(source)
                let delivery = try await Deliverer.deliver(
                    media, options: options, to: folder.path(name + ".mp4"), progress: { _ in })
                delivered.append(delivery.path)
                let decision = delivery.decision
                table.append(
                    "\(name): \(decision.strategy) \(decision.width)×\(decision.height) \(decision.frameRate) "
                        + "\(delivery.duration) s \(delivery.bytes) B \(delivery.warnings)")
            } catch {
                table.append("\(name): refused: \(error)")
                #expect(error.code == .unusableFootage && error.message.hasPrefix(name), "\(error)")
                #expect(Self.unusable.contains(name), "\(error)")
            }
        }
        print(table.joined(separator: "\n"))
        #expect(!delivered.isEmpty)
        if let failures = MediaCorpus.failures(of: delivered) { #expect(failures == []) }
    }
}
