/// How a prepared video was produced from the footage.
public enum DeliveryStrategy: String, Sendable, Codable {
    /// Copies all packets: the source already meets the delivery spec.
    case copy
    /// Copies packets and re-encodes only the GOPs at the cuts.
    case smartcut
    /// Decodes and re-encodes everything.
    case encode
}

/// A file that meets the delivery spec, ready to be exported, chunked and uploaded.
public struct PreparedVideo: Artifact, Hashable {
    public static let kind: ArtifactKind = "PreparedVideo"

    /// The prepared file, including its digest.
    public var file: FileReference
    /// The footage that it was made from.
    public var source: SourceFile
    public var strategy: DeliveryStrategy
    /// Why this strategy was chosen, one sentence each.
    public var reasons: [String] = []
    /// Width in square pixels.
    public var width: Int
    /// Height in square pixels.
    public var height: Int
    /// The duration in seconds.
    public var duration: Double
    /// Frames per second, constant.
    public var frameRate: Rational
    /// What the user should know about the result, such as skipped damage or an upscaled video.
    public var warnings: [String] = []
    /// Path of the copy that `export` made for the user; nil without one.
    public var exportedPath: String?
    /// URL from which the service can fetch the exported copy; nil unless `export` sets `publicURL`.
    public var publicURL: String?
    /// PTS of the frame that `cover` picked, in seconds; nil when none was picked.
    public var coverTime: Double?
    /// The part of the footage that this is; nil unless the footage was split.
    public var part: FootagePart?

    /// A video without reasons and warnings; set the other properties that are known.
    public init(
        file: FileReference, source: SourceFile, strategy: DeliveryStrategy, width: Int, height: Int, duration: Double,
        frameRate: Rational
    ) {
        self.file = file
        self.source = source
        self.strategy = strategy
        self.width = width
        self.height = height
        self.duration = duration
        self.frameRate = frameRate
    }

    public var files: [FileReference] { [file] }
    /// The fields that the event contract names: path, strategy, width, height, duration, bytes, reasons.
    public var summary: [String: JSONValue] {
        var fields: [String: JSONValue] = [
            "path": .string(file.path), "strategy": .string(strategy.rawValue), "width": .integer(Int64(width)),
            "height": .integer(Int64(height)), "duration": .number(duration), "bytes": .integer(file.bytes),
            "reasons": .array(reasons.map(JSONValue.string)),
        ]
        if let rate = frameRate.value { fields["frameRate"] = .number(rate) }
        if !warnings.isEmpty { fields["warnings"] = .array(warnings.map(JSONValue.string)) }
        if let exportedPath { fields["exportedPath"] = .string(exportedPath) }
        if let publicURL { fields["publicURL"] = .string(publicURL) }
        if let coverTime { fields["coverTime"] = .number(coverTime) }
        if let part {
            fields["part"] = .integer(Int64(part.number))
            fields["parts"] = .integer(Int64(part.count))
        }
        return fields
    }
}
