/// The output of a stage that splits its input: each later stage runs once per element, in order.
///
/// Its kind is the element's kind followed by `[]`, such as `ProbedMedia[]`.
public protocol ArtifactList: Artifact {
    /// The input of the next stage, which takes one element at a time.
    associatedtype Element: Artifact
    /// The elements in order; never empty.
    var elements: [Element] { get }
}

/// The position of one part within footage that was split.
public struct FootagePart: Sendable, Hashable, Codable {
    /// The number of the part, from 1.
    public var number: Int
    /// The number of parts.
    public var count: Int
    /// PTS of the part's first frame, in seconds on the footage's timeline.
    public var start: Double
    /// PTS of the first frame after the part, in seconds on the footage's timeline.
    public var end: Double

    public init(number: Int, count: Int, start: Double, end: Double) {
        self.number = number
        self.count = count
        self.start = start
        self.end = end
    }

    /// The number for file names, padded with zeros to the width of the count, so that names sort in order.
    public var label: String { Self.label(number, of: count) }

    /// The number of any part, padded with zeros to the width of `count`.
    package static func label(_ number: Int, of count: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, String(count).count - digits.count)) + digits
    }
}

/// Footage in parts, in the order of delivery.
public struct PartedMedia: ArtifactList, Hashable {
    public static let kind: ArtifactKind = "ProbedMedia[]"

    /// The footage as a whole.
    public var media: ProbedMedia
    /// The parts; empty when the footage is delivered in one piece.
    public var parts: [FootagePart]
    /// Why each cut is where it is, one sentence each.
    public var reasons: [String]

    public init(media: ProbedMedia, parts: [FootagePart], reasons: [String] = []) {
        self.media = media
        self.parts = parts
        self.reasons = reasons
    }

    /// The footage once per part, or once if it was not split.
    public var elements: [ProbedMedia] {
        guard parts.count > 1 else { return [media] }
        return parts.map { part in
            var element = media
            element.part = part
            return element
        }
    }

    public var files: [FileReference] { media.files }
    /// The number of parts, their lengths, the cuts in seconds on the footage's timeline, and the reasons.
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
    /// The base name for files made from this video: the footage's name, followed by the part's number if it was split.
    public var stem: String { part.map { "\(source.stem)-\($0.label)" } ?? source.stem }
}
