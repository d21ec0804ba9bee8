/// How a prepared video came to be.
public enum DeliveryStrategy: String, Sendable, Codable {
    /// Packets copied: the source already met the delivery spec.
    case copy
    /// Packets copied but for the GOPs at the cuts.
    case smartcut
    /// Decoded and encoded.
    case encode
}

/// A file that meets the delivery spec.
public struct PreparedVideo: Artifact, Hashable {
    /// `PreparedVideo`.
    public static let kind: ArtifactKind = "PreparedVideo"

    /// The prepared file, with its digest.
    public var file: FileReference
    /// The footage that it was made from.
    public var source: SourceFile
    /// How it came to be.
    public var strategy: DeliveryStrategy
    /// Why that strategy, one sentence each.
    public var reasons: [String]
    /// Width in square pixels.
    public var width: Int
    /// Height in square pixels.
    public var height: Int
    /// Length in seconds.
    public var duration: Double
    /// Frames per second, constant.
    public var frameRate: Rational
    /// What a person should know: damage passed over, picture enlarged …
    public var warnings: [String]
    /// Where `export` put a copy for the user; nil when there is none.
    public var exportedPath: String?
    /// Where the exported copy can be fetched from the internet; nil when nobody said so.
    public var publicURL: String?
    /// The moment of the frame that `cover` picked, in seconds; nil when none was picked.
    public var coverTime: Double?
    /// The part of the footage that it is; nil when the footage was not split.
    public var part: FootagePart?

    /// A prepared video; see the properties.
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

    /// The prepared file.
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

/// A prepared video and the byte ranges in which it will be sent.
public struct ChunkedVideo: Artifact, Hashable {
    /// `ChunkedVideo`.
    public static let kind: ArtifactKind = "ChunkedVideo"

    /// The prepared video.
    public var video: PreparedVideo
    /// Bytes of every chunk but the last.
    public var chunkSize: Int64
    /// Number of chunks; the last one also takes the remainder.
    public var chunkCount: Int

    /// A chunked video.
    public init(video: PreparedVideo, chunkSize: Int64, chunkCount: Int) {
        self.video = video
        self.chunkSize = chunkSize
        self.chunkCount = chunkCount
    }

    /// The prepared file.
    public var files: [FileReference] { video.files }
    /// Path, bytes, chunk size and count.
    public var summary: [String: JSONValue] {
        [
            "path": .string(video.file.path), "bytes": .integer(video.file.bytes), "chunkSize": .integer(chunkSize),
            "chunkCount": .integer(Int64(chunkCount)),
        ]
    }
}

/// How a post reaches the creator.
public enum PostMode: String, Sendable, Codable, CaseIterable {
    /// Published at once with the settings given.
    case direct
    /// Sent to the creator's inbox, to be finished by hand in the app.
    case inbox
}

/// A video whose bytes the service has.
public struct UploadedVideo: Artifact, Hashable {
    /// `UploadedVideo`.
    public static let kind: ArtifactKind = "UploadedVideo"

    /// The service's id of the publication, opaque.
    public var publishID: String
    /// The ledger's id of the post.
    public var postID: String
    /// How it reaches the creator.
    public var mode: PostMode
    /// The creator's handle when known, for the post's address.
    public var username: String?
    /// Caption as sent; nil for drafts.
    public var title: String?
    /// Audience as sent; nil for drafts.
    public var privacyLevel: String?
    /// Bytes sent.
    public var bytes: Int64

    /// An uploaded video; see the properties.
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

    /// Publish id, mode, bytes.
    public var summary: [String: JSONValue] {
        ["publishId": .string(publishID), "mode": .string(mode.rawValue), "bytes": .integer(bytes)]
    }
}

/// The end of the chain: a post that the service confirmed.
public struct PublishedPost: Artifact, Hashable {
    /// `PublishedPost`.
    public static let kind: ArtifactKind = "PublishedPost"

    /// The service's id of the publication.
    public var publishID: String
    /// The final status, such as `PUBLISH_COMPLETE` or `SEND_TO_USER_INBOX`.
    public var status: String
    /// Ids of the public posts; empty for private posts and drafts.
    public var postIDs: [Int64]
    /// Address of the post when it has one.
    public var url: String?
    /// How it reached the creator.
    public var mode: PostMode

    /// A published post; see the properties.
    public init(publishID: String, status: String, postIDs: [Int64], url: String?, mode: PostMode) {
        self.publishID = publishID
        self.status = status
        self.postIDs = postIDs
        self.url = url
        self.mode = mode
    }

    /// Publish id, status, post ids, address.
    public var summary: [String: JSONValue] {
        [
            "publishId": .string(publishID), "status": .string(status), "mode": .string(mode.rawValue),
            "postIds": .array(postIDs.map(JSONValue.integer)), "url": url.map(JSONValue.string) ?? .null,
        ]
    }
}
