package import Foundation

/// How far an upload in parts has come; kept as a checkpoint, so that a later attempt sends only what is missing.
package struct PartProgress: Sendable, Hashable, Codable {
    /// The service's id of the upload.
    package var uploadID: String
    /// SHA-256 of the file that is sent.
    package var fileDigest: String
    /// Bytes of every part but the last.
    package var partSize: Int64
    /// When the upload takes no more parts, in seconds since 1970.
    package var expiresAt: Double
    /// The numbers of the parts that the service has, from 1.
    package var parts: Set<Int> = []
    /// The id of the finished video.
    package var videoID: String?

    /// Whether the upload is one of this file by this plan, and still takes parts or is complete.
    package func fits(_ plan: ChunkPlan, digest: String, at now: Date) -> Bool {
        fileDigest == digest && partSize == plan.chunkSize
            && (videoID != nil || expiresAt > now.timeIntervalSince1970)
    }
}
