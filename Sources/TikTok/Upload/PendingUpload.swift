package import Foundation
package import PipelineKit

/// The bytes of a post that the service accepted, and the URL that takes them.
package struct PendingUpload: Sendable {
    /// How long an upload URL is valid, in seconds.
    package static let urlLifetime: TimeInterval = 3600
    /// How long before the URL expires to stop, in seconds.
    static let margin: TimeInterval = 20

    package let file: FileSource
    package let plan: ChunkPlan
    /// The upload URL, exactly as the service returned it.
    package let url: Secret
    /// When the service issued the URL; it is valid for ``urlLifetime`` from then on.
    package let acceptedAt: Date
    /// The number of bytes that the service has from an earlier attempt.
    package let committed: Int64

    package init(file: FileSource, plan: ChunkPlan, url: Secret, acceptedAt: Date, committed: Int64 = 0) {
        self.file = file
        self.plan = plan
        self.url = url
        self.acceptedAt = acceptedAt
        self.committed = committed
    }

    /// When to stop sending.
    var deadline: Date { acceptedAt.addingTimeInterval(Self.urlLifetime - Self.margin) }
}
