import PipelineKit

/// What every ledger must do, as checks that a test runs against an implementation of ``PostLedger``.
///
/// ```swift
/// @Test(arguments: PostLedgerConformance.checks)
/// func keepsToTheRules(check: PostLedgerConformance.Check) async throws {
///     try await check.run(makeLedger())
/// }
/// ```
package enum PostLedgerConformance {
    /// A rule that a ledger broke.
    package struct Violation: Error, CustomStringConvertible {
        package var description: String
    }

    /// One rule. It needs a ledger with no posts in it.
    package struct Check: Sendable, CustomStringConvertible {
        package var description: String
        package var run: @Sendable (any PostLedger) async throws -> Void
    }

    package static let checks: [Check] =
        [
            Check(description: "a key is claimed once, and found again") { ledger in
                let first = try await ledger.reserve(key, asset: "clip.mp4", runID: "run-1")
                let second = try await ledger.reserve(key, asset: "clip.mp4", runID: "run-2")
                try await expect(first.id == second.id, "a second claim made a second post")
                try await expect(first.state == .reserved, "a new post is \(first.state), not reserved")
                try await expect(
                    second.runID == "run-2", "a post that is not over belongs to the run that claimed it last")
                try await expect(try await ledger.find(key)?.id == first.id, "a claimed post is not found")
                try await expect(try await ledger.find(other) == nil, "a post is found that was never claimed")
            },
            Check(description: "a post keeps what was announced and answered") { ledger in
                let id = try await ledger.reserve(key, asset: "clip.mp4", runID: "run-1").id
                try await ledger.apply(.sending(announcement), to: id)
                let accepted = try await ledger.apply(
                    .accepted(publishID: "p1", uploadURL: Secret("https://upload.test/1")), to: id)
                try await expect(accepted.announcement == announcement, "the announcement is lost")
                try await expect(accepted.publishID == "p1", "the publish id is lost")
                try await expect(accepted.uploadURL?.reveal() == "https://upload.test/1", "the upload URL is lost")
                try await expect(accepted.acceptedAt != nil, "the moment of acceptance is lost")
                let uploaded = try await ledger.apply(.uploaded, to: id)
                try await expect(uploaded.uploadURL == nil, "the upload URL is kept after the upload")
                let published = try await ledger.apply(.published(postIDs: [7], url: "https://post.test/7"), to: id)
                try await expect(
                    published.postIDs == [7] && published.url == "https://post.test/7", "the result is lost")
                try await expect(try await ledger.find(key) == published, "the last step is not on record")
            },
            Check(description: "a failed post may be claimed again from the beginning") { ledger in
                let id = try await state(.failed, in: ledger)
                let again = try await ledger.reserve(key, asset: "again.mp4", runID: "run-2")
                try await expect(again.id == id && again.state == .reserved, "a failed post can't be claimed again")
                try await expect(
                    again.publishID == nil && again.reason == nil && again.runID == "run-2"
                        && again.asset == "again.mp4",
                    "a post that is claimed again keeps what belonged to the failed attempt")
            },
            Check(description: "a published post keeps the run that published it") { ledger in
                _ = try await state(.published, in: ledger)
                let record = try await ledger.reserve(key, asset: "clip.mp4", runID: "run-2")
                try await expect(
                    record.state == .published && record.runID == "run-1", "a published post was taken over")
            },
            Check(description: "parts of a series are found under the slot of the whole") { ledger in
                for slot in ["tiktok#2/2", "tiktok", "tiktok#1/2", "tiktok-b"] {
                    let key = PostKey(account: key.account, digest: key.digest, slot: slot)
                    _ = try await ledger.reserve(key, asset: "clip.mp4", runID: "run-1")
                }
                let slots = try await ledger.series(key).map(\.key.slot)
                try await expect(slots == ["tiktok", "tiktok#1/2", "tiktok#2/2"], "the series of tiktok is \(slots)")
            },
            Check(description: "where footage is cut is kept, and replaced") { ledger in
                try await expect(try await ledger.cuts(key) == nil, "cuts are known before they were kept")
                try await ledger.keep(cuts: [1.5, 3], key)
                try await ledger.keep(cuts: [2], key)
                try await expect(try await ledger.cuts(key) == [2], "the last cuts are not kept")
            },
            Check(description: "a step for an unknown post is refused") { ledger in
                try await expectRefusal("a step for a post that does not exist") {
                    try await ledger.apply(.uploaded, to: "post-missing")
                }
            },
        ] + transitions

    /// Every pair of a state and a change is allowed or refused as ``PostTransition`` says.
    private static let transitions: [Check] = PostState.allCases.map { from in
        Check(description: "a \(from.rawValue) post takes just the steps that are allowed") { ledger in
            for (index, change) in changes.enumerated() {
                let key = PostKey(account: "a", digest: "d", slot: "\(index)")
                let id = try await state(from, in: ledger, key: key)
                if PostTransition.isAllowed(from: from, change) {
                    let record = try await ledger.apply(change, to: id)
                    try await expect(
                        record.state == change.state, "\(from) took \(change.state) and is \(record.state)")
                } else {
                    try await expectRefusal("\(from) took \(change.state)") { try await ledger.apply(change, to: id) }
                    try await expect(try await ledger.find(key)?.state == from, "a refused step changed a \(from) post")
                }
            }
        }
    }

    private static let key = PostKey(account: "open-id", digest: "d1", slot: "tiktok")
    private static let other = PostKey(account: "open-id", digest: "d2", slot: "tiktok")
    private static let announcement = PostAnnouncement(
        fileDigest: "f1", fileBytes: 30, chunkSize: 10, chunkCount: 3, title: "A title", privacyLevel: "SELF_ONLY",
        mode: .direct, username: "creator")
    private static let changes: [PostChange] = [
        .sending(announcement), .accepted(publishID: "p2", uploadURL: nil), .uploaded,
        .published(postIDs: [], url: nil), .failed(reason: "refused"), .unconfirmed(reason: "no answer"),
    ]

    /// Takes a new post to `state` by allowed steps.
    private static func state(
        _ state: PostState, in ledger: any PostLedger, key: PostKey = key
    ) async throws -> String {
        let id = try await ledger.reserve(key, asset: "clip.mp4", runID: "run-1").id
        let accepted: [PostChange] = [.sending(announcement), .accepted(publishID: "p1-\(key.slot)", uploadURL: nil)]
        let steps: [PostChange] =
            switch state {
            case .reserved: []
            case .sending: [accepted[0]]
            case .accepted: accepted
            case .uploaded: accepted + [.uploaded]
            case .published: accepted + [.published(postIDs: [1], url: nil)]
            case .failed: accepted + [.failed(reason: "refused")]
            case .unconfirmed: accepted + [.unconfirmed(reason: "no answer")]
            }
        for step in steps { try await ledger.apply(step, to: id) }
        return id
    }

    private static func expect(_ holds: @autoclosure () async throws -> Bool, _ violation: String) async throws {
        if try await !holds() { throw Violation(description: violation) }
    }

    private static func expectRefusal(
        _ what: String, _ step: () async throws -> PostRecord
    ) async throws {
        do {
            _ = try await step()
        } catch is StageError {
            return
        }
        throw Violation(description: what)
    }
}
