import Foundation

/// Everything that can change the durable state; what the journal holds.
enum SandboxEvent: Codable, Sendable, Equatable {
    case appCreated(SandboxApp)
    case codeIssued(AuthorizationCode)
    case codeSpent(String)
    case grantChanged(Grant)
    case postOpened(Post)
    /// `readyAt` and `publicAt` come with the last chunk.
    case chunkCommitted(publishID: String, committed: Int64, contentType: String, readyAt: Date?, publicAt: Date?)
    case inspected(publishID: String, Inspection)
    case draftFinished(publishID: String, at: Date)
    case pulled(publishID: String, bytes: Int64, contentType: String, readyAt: Date, publicAt: Date)
    case pullFailed(publishID: String, reason: String)
    case partsOpened(PartUpload)
    /// With no bytes: the part is being sent again, and what it held is gone.
    case partStored(uploadID: String, number: Int, bytes: Int64)
    case partsCompleted(uploadID: String, videoID: String)
}
