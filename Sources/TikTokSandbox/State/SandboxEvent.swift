import Foundation

/// A change of the durable state, as the journal stores it.
enum SandboxEvent: Codable, Sendable, Equatable {
    case appCreated(SandboxApp)
    case codeIssued(AuthorizationCode)
    case codeSpent(String)
    case grantChanged(Grant)
    case postOpened(Post)
    /// `readyAt` and `publicAt` are set with the last chunk.
    case chunkCommitted(publishID: String, committed: Int64, contentType: String, readyAt: Date?, publicAt: Date?)
    case inspected(publishID: String, Inspection)
    case draftFinished(publishID: String, at: Date)
    case pulled(publishID: String, bytes: Int64, contentType: String, readyAt: Date, publicAt: Date)
    case pullFailed(publishID: String, reason: String)
    case partsOpened(PartUpload)
    /// Zero bytes mean that the client is sending the part again and the earlier bytes are discarded.
    case partStored(uploadID: String, number: Int, bytes: Int64)
    case partsCompleted(uploadID: String, videoID: String)
}
