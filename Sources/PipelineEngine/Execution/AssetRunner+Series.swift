import Foundation
import PipelineFile
import PipelineKit
import Posting
import Store

extension AssetRunner {
    /// Refuses to post footage that was posted before with another number of parts or other cuts, because the same
    /// frames would be posted twice. `--repost` permits that, except for posts of this run.
    /// - Parameter cuts: The boundaries between parts, in seconds of the footage's own time.
    func checkSeries(of count: Int, cuts: [Double], _ digest: String) async throws(StageError) {
        guard engine.request.pipeline.isIrreversible else { return }
        let name = engine.request.pipeline.name
        let whole = PostKey(
            account: engine.request.accountIdentity, digest: digest, slot: PostSlot(pipeline: name))
        let earlier = try await earlierParts(whole)
        // With the same number of parts, missing ones may be posted.
        let isBegun = earlier.contains { $0.count == count }
        if let other = earlier.first, !isBegun {
            let what = other.count == 1 ? asset.name : "part \(other.number) of \(other.count) of \(asset.name)"
            let parts = count == 1 ? "one post of it" : "\(count) parts of it"
            throw otherSeries("\(what) is already posted or in progress, but these options make \(parts)")
        }
        guard count > 1, !cuts.isEmpty else { return }
        let key = PostKey(account: whole.account, digest: digest, slot: PostSlot(pipeline: name, of: count))
        let known = try await host.ledger.cuts(key)
        // Tolerate rounding differences between machines.
        if let known, known.count == cuts.count, zip(known, cuts).allSatisfy({ abs($0 - $1) < 0.001 }) { return }
        if isBegun, let known {
            throw otherSeries(
                "parts of \(asset.name) that were posted already were cut at \(Self.text(known)) s, "
                    + "but these options cut at \(Self.text(cuts)) s")
        }
        try await host.ledger.keep(cuts: cuts, key)
    }

    /// The parts of the footage that are posted or in progress; (1, 1) for the whole footage.
    private func earlierParts(_ whole: PostKey) async throws(StageError) -> [(number: Int, count: Int)] {
        let reposts = engine.request.reposts
        var parts: [(number: Int, count: Int)] = []
        for record in try await host.ledger.series(whole) where ![.reserved, .failed].contains(record.state) {
            guard !reposts || record.runID == run.id else { continue }
            guard let slot = PostSlot(record.key.slot, pipeline: whole.slot) else { continue }
            if let number = slot.part, let count = slot.count {
                // A deliberate repost counts only for reposts.
                if reposts || slot.repost == nil { parts.append((number, count)) }
            } else if slot.count == nil, slot.repost == nil {
                parts.append((1, 1))
            }
        }
        return parts
    }

    private func otherSeries(_ message: String) -> StageError {
        StageError(
            "other-series", message,
            hint: "use the earlier options again, or post all parts again with --repost",
            outcome: .invalidData)
    }

    private static func text(_ cuts: [Double]) -> String {
        cuts.map { String(format: "%.3f", $0) }.joined(separator: ", ")
    }
}
