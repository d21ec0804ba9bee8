/// What makes a post one and the same: posting the same footage to the same account from the same slot twice is a
/// duplicate, whatever happened to machines in between.
package struct PostKey: Sendable, Hashable, Codable {
    /// Identity of the account at the service.
    package var account: String
    /// SHA-256 of the footage, lower-case hex.
    package var digest: String
    /// Which post of that footage, in the form of ``PostSlot``.
    package var slot: String

    package init(account: String, digest: String, slot: String) {
        self.account = account
        self.digest = digest
        self.slot = slot
    }

    package init(account: String, digest: String, slot: PostSlot) {
        self.init(account: account, digest: digest, slot: slot.description)
    }

    /// How the slots of all parts and reposts of this post begin. Ledgers find a series by it.
    package var seriesPrefix: String { slot + PostSlot.separator }
}

/// Which post of some footage: the name of the pipeline, and the part of a series.
///
/// As text `name`, `name#2/5` for the second of five parts, `name#/5` for the series of five parts as a whole, and each
/// of them followed by `#` and a run id for a deliberate repost.
package struct PostSlot: Sendable, Hashable, CustomStringConvertible {
    static let separator = "#"

    package var pipeline: String
    /// The number of the part, from 1; nil for the whole footage and for a series as a whole.
    package var part: Int?
    /// The number of all parts; nil for the whole footage.
    package var count: Int?
    /// The id of the run that deliberately posts again; nil for the first post.
    package var repost: String?

    package init(pipeline: String, part: Int? = nil, of count: Int? = nil, repost: String? = nil) {
        self.pipeline = pipeline
        self.part = part
        self.count = count
        self.repost = repost
    }

    /// Parses a slot of a pipeline; nil if the text is no slot of it.
    package init?(_ text: String, pipeline: String) {
        guard text.hasPrefix(pipeline) else { return nil }
        let rest = text.dropFirst(pipeline.count)
        if rest.isEmpty {
            self.init(pipeline: pipeline)
        } else if let match = rest.wholeMatch(of: /#(\d*)\/(\d+)(?:#(.*))?/), let count = Int(match.2) {
            self.init(pipeline: pipeline, part: Int(match.1), of: count, repost: match.3.map(String.init))
        } else if rest.hasPrefix(Self.separator) {
            self.init(pipeline: pipeline, repost: String(rest.dropFirst()))
        } else {
            return nil
        }
    }

    package var description: String {
        let series = count.map { "\(Self.separator)\(part.map(String.init) ?? "")/\($0)" } ?? ""
        return pipeline + series + (repost.map { Self.separator + $0 } ?? "")
    }
}
