/// What a stage gives that makes several things of one: the stages behind it are run for each of them, in order.
///
/// Its kind is that of its elements with `[]` behind it, such as `ProbedMedia[]`.
public protocol ArtifactList: Artifact {
    /// What the next stage takes, one at a time.
    associatedtype Element: Artifact
    /// The elements in their order; at least one.
    var elements: [Element] { get }
}

/// Which part of its footage something is, when the footage was split.
public struct FootagePart: Sendable, Hashable, Codable {
    /// Its number, from 1.
    public var number: Int
    /// How many parts there are.
    public var count: Int
    /// Where it starts, in the footage's own time, in seconds: the first frame of the part.
    public var start: Double
    /// Where it ends, in the footage's own time, in seconds: the first frame that is not in it.
    public var end: Double

    /// A part.
    public init(number: Int, count: Int, start: Double, end: Double) {
        self.number = number
        self.count = count
        self.start = start
        self.end = end
    }

    /// The number as names have it: as wide as the last one, so that names sort in the order of the parts.
    public var label: String { Self.label(number, of: count) }

    /// The number of any part as names have it.
    package static func label(_ number: Int, of count: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, String(count).count - digits.count)) + digits
    }
}

/// Footage in parts, in the order in which they are delivered.
public struct PartedMedia: ArtifactList, Hashable {
    /// `ProbedMedia[]`.
    public static let kind: ArtifactKind = "ProbedMedia[]"

    /// The footage as a whole.
    public var media: ProbedMedia
    /// Its parts; none when all of it is delivered in one piece.
    public var parts: [FootagePart]
    /// Why it is cut where it is, one sentence each.
    public var reasons: [String]

    /// Parted footage.
    public init(media: ProbedMedia, parts: [FootagePart], reasons: [String] = []) {
        self.media = media
        self.parts = parts
        self.reasons = reasons
    }

    /// The footage once for each part.
    public var elements: [ProbedMedia] {
        guard parts.count > 1 else { return [media] }
        return parts.map { part in
            var element = media
            element.part = part
            return element
        }
    }

    /// The footage's file.
    public var files: [FileReference] { media.files }
    /// Number of parts, their lengths, where the cuts are in the footage's own time, and why.
    public var summary: [String: JSONValue] {
        func rounded(_ seconds: Double) -> JSONValue { .number((seconds * 1000).rounded() / 1000) }
        return [
            "path": .string(media.source.file.path), "parts": .integer(Int64(max(1, parts.count))),
            "cuts": .array(parts.dropLast().map { rounded($0.end) }),
            "lengths": .array(parts.isEmpty ? [rounded(media.duration)] : parts.map { rounded($0.end - $0.start) }),
            "reasons": .array(reasons.map(JSONValue.string)),
        ]
    }
}

extension PreparedVideo {
    /// What files that are made of it are named after: the footage, and its number when the footage was split.
    public var stem: String { part.map { "\(source.stem)-\($0.label)" } ?? source.stem }
}
