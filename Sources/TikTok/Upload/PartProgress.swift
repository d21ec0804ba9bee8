package import Foundation

/// The progress of a multipart upload, stored as a checkpoint so that a later attempt sends only the missing parts.
package struct PartProgress: Sendable, Hashable, Codable {
    /// The upload's id at the service.
    package var uploadID: String
    /// The SHA-256 of the uploaded file.
    package var fileDigest: String
    /// The size in bytes of every part except the last.
    package var partSize: Int64
    /// When the service stops accepting parts, in seconds since 1970.
    package var expiresAt: Double
    /// The numbers of the parts that the service has received, counted from 1.
    package var parts: Set<Int> = []
    /// The finished video's id; nil until the upload is complete.
    package var videoID: String?

    /// Whether this upload matches the file and plan, and is complete or still accepts parts.
    package func fits(_ plan: ChunkPlan, digest: String, at now: Date) -> Bool {
        fileDigest == digest && partSize == plan.chunkSize
            && (videoID != nil || expiresAt > now.timeIntervalSince1970)
    }
}
