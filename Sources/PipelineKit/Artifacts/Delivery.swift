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
    public var reasons: [String]
    /// Width in square pixels.
    public var width: Int
    /// Height in square pixels.
    public var height: Int
    /// The duration in seconds.
    public var duration: Double
    /// Frames per second, constant.
    public var frameRate: Rational
    /// What the user should know about the result, such as skipped damage or an upscaled video.
    public var warnings: [String]
    /// Path of the copy that `export` made for the user; nil without one.
    public var exportedPath: String?
    /// URL from which the service can fetch the exported copy; nil unless `export` sets `publicURL`.
    public var publicURL: String?
    /// PTS of the frame that `cover` picked, in seconds; nil when none was picked.
    public var coverTime: Double?
    /// The part of the footage that this is; nil unless the footage was split.
    public var part: FootagePart?

    public init(
        file: FileReference, source: SourceFile, strategy: DeliveryStrategy, reasons: [String], width: Int,
        height: Int, duration: Double, frameRate: Rational, warnings: [String] = [], exportedPath: String? = nil
    ) {
        self.file = file
        self.source = source
        self.strategy = strategy
        self.reasons = reasons
        self.width = width
        self.height = height
        self.duration = duration
        self.frameRate = frameRate
        self.warnings = warnings
        self.exportedPath = exportedPath
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

/// A prepared video and the byte ranges in which it is uploaded.
public struct ChunkedVideo: Artifact, Hashable {
    public static let kind: ArtifactKind = "ChunkedVideo"

    public var video: PreparedVideo
    /// The size in bytes of every chunk but the last.
    public var chunkSize: Int64
    /// The number of chunks; the last one also takes the remainder.
    public var chunkCount: Int

    public init(video: PreparedVideo, chunkSize: Int64, chunkCount: Int) {
        self.video = video
        self.chunkSize = chunkSize
        self.chunkCount = chunkCount
    }

    public var files: [FileReference] { video.files }
    public var summary: [String: JSONValue] {
        [
            "path": .string(video.file.path), "bytes": .integer(video.file.bytes), "chunkSize": .integer(chunkSize),
            "chunkCount": .integer(Int64(chunkCount)),
        ]
    }
}

/// How a post reaches the creator's audience.
public enum PostMode: String, Sendable, Codable, CaseIterable {
    /// Published directly with the settings of the pipeline.
    case direct
    /// Sent to the creator's inbox as a draft, which the creator finishes in the app.
    case inbox
}

/// A video whose bytes the service has received.
public struct UploadedVideo: Artifact, Hashable {
    public static let kind: ArtifactKind = "UploadedVideo"

    /// The service's id of the publication; opaque.
    public var publishID: String
    /// The id of the post in the ledger.
    public var postID: String
    public var mode: PostMode
    /// The creator's handle, for the post's URL; nil when unknown.
    public var username: String?
    /// The caption as sent; nil for drafts.
    public var title: String?
    /// The audience as sent; nil for drafts.
    public var privacyLevel: String?
    /// The number of bytes that the service received.
    public var bytes: Int64

    public init(
        publishID: String, postID: String, mode: PostMode, username: String?, title: String?, privacyLevel: String?,
        bytes: Int64
    ) {
        self.publishID = publishID
        self.postID = postID
        self.mode = mode
        self.username = username
        self.title = title
        self.privacyLevel = privacyLevel
        self.bytes = bytes
    }

    public var summary: [String: JSONValue] {
        ["publishId": .string(publishID), "mode": .string(mode.rawValue), "bytes": .integer(bytes)]
    }
}

/// The end of the chain: a post that the service confirmed.
public struct PublishedPost: Artifact, Hashable {
    public static let kind: ArtifactKind = "PublishedPost"

    /// The service's id of the publication; opaque.
    public var publishID: String
    /// The final status, such as `PUBLISH_COMPLETE` or `SEND_TO_USER_INBOX`.
    public var status: String
    /// The ids of the public posts; empty for private posts and drafts.
    public var postIDs: [Int64]
    /// The URL of the post; nil when it is not public.
    public var url: String?
    public var mode: PostMode

    public init(publishID: String, status: String, postIDs: [Int64], url: String?, mode: PostMode) {
        self.publishID = publishID
        self.status = status
        self.postIDs = postIDs
        self.url = url
        self.mode = mode
    }

    public var summary: [String: JSONValue] {
        [
            "publishId": .string(publishID), "status": .string(status), "mode": .string(mode.rawValue),
            "postIds": .array(postIDs.map(JSONValue.integer)), "url": url.map(JSONValue.string) ?? .null,
        ]
    }
}
