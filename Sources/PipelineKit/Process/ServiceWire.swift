import Foundation

/// The wire formats of arguments and results of service calls.
package enum ServiceWire {
    /// The argument of permit calls: a ``RateLimit`` without its name.
    package struct Permit: Codable {
        /// The subject of the limit, such as the account; nil or empty for the whole app.
        package var subject: String?
        /// The number of permits in one window.
        package var permits: Int
        /// The length of the window in seconds.
        package var window: Double
        /// Whether the refused call had taken a permit; nil except for `permit.refused`.
        package var taken: Bool?

        init(_ limit: RateLimit, taken: Bool? = nil) {
            subject = limit.subject
            permits = limit.permits
            window = limit.window.inSeconds
            self.taken = taken
        }

        /// Returns the rate limit called `name`.
        package func limit(named name: String) -> RateLimit {
            RateLimit(name: name, subject: subject ?? "", permits: permits, window: .seconds(window))
        }
    }

    /// The wire format of ``TakenPermits``.
    package struct Taken: Codable {
        package var count: Int
        /// Seconds until the first of them leaves the window; nil if there is none.
        package var nextFree: Double?

        package init(_ permits: TakenPermits) {
            count = permits.count
            nextFree = permits.nextFree?.inSeconds
        }

        var permits: TakenPermits { TakenPermits(count: count, nextFree: nextFree.map { .seconds($0) }) }
    }

    /// The wire format of ``Credentials``, in plain text: only for children that run this program, over a private pipe.
    package struct Tokens: Codable {
        private var accessToken: String
        private var scopes: [String]?
        private var expiresAt: Date?

        package init(_ credentials: Credentials) {
            accessToken = credentials.accessToken.reveal()
            scopes = credentials.scopes
            expiresAt = credentials.expiresAt
        }

        var credentials: Credentials {
            Credentials(accessToken: Secret(accessToken), scopes: scopes, expiresAt: expiresAt)
        }
    }

    /// The argument of `ledger.reserve`.
    package struct Claim: Codable {
        package var key: PostKey
        /// The asset's name as the user wrote it.
        package var asset: String
        package var runID: String

        init(key: PostKey, asset: String, runID: String) {
            (self.key, self.asset, self.runID) = (key, asset, runID)
        }
    }

    /// The wire format of ``PostChange``, the argument of `ledger.apply`.
    package struct Change: Codable {
        private var state: PostState
        private var announcement: Announcement?
        private var publishID: String?
        private var uploadURL: String?
        private var postIDs: [Int64]?
        private var url: String?
        private var reason: String?

        private struct Announcement: Codable {
            var fileDigest: String
            var fileBytes: Int64
            var chunkSize: Int64
            var chunkCount: Int
            var title: String?
            var privacyLevel: String?
            var mode: PostMode
            var username: String?
        }

        init(_ change: PostChange) {
            state = change.state
            switch change {
            case .sending(let file):
                announcement = Announcement(
                    fileDigest: file.fileDigest, fileBytes: file.fileBytes, chunkSize: file.chunkSize,
                    chunkCount: file.chunkCount, title: file.title, privacyLevel: file.privacyLevel, mode: file.mode,
                    username: file.username)
            case .accepted(let id, let address): (publishID, uploadURL) = (id, address?.reveal())
            case .uploaded: break
            case .published(let ids, let address): (postIDs, url) = (ids, address)
            case .failed(let why), .unconfirmed(let why): reason = why
            }
        }

        /// The change; nil if required fields are missing.
        package var change: PostChange? {
            switch state {
            case .reserved: return nil
            case .sending:
                return announcement.map { file in
                    .sending(
                        PostAnnouncement(
                            fileDigest: file.fileDigest, fileBytes: file.fileBytes, chunkSize: file.chunkSize,
                            chunkCount: file.chunkCount, title: file.title, privacyLevel: file.privacyLevel,
                            mode: file.mode, username: file.username))
                }
            case .accepted:
                return publishID.map { .accepted(publishID: $0, uploadURL: uploadURL.map { Secret($0) }) }
            case .uploaded: return .uploaded
            case .published: return .published(postIDs: postIDs ?? [], url: url)
            case .failed: return reason.map { .failed(reason: $0) }
            case .unconfirmed: return reason.map { .unconfirmed(reason: $0) }
            }
        }
    }

    /// The wire format of ``PostRecord``.
    package struct Post: Codable {
        private var id: String
        private var key: PostKey
        private var state: PostState
        private var asset: String
        private var runID: String
        private var publishID: String?
        private var uploadURL: String?
        private var acceptedAt: Date?
        private var fileDigest: String?
        private var fileBytes: Int64?
        private var chunkSize: Int64?
        private var chunkCount: Int?
        private var title: String?
        private var privacyLevel: String?
        private var mode: PostMode
        private var username: String?
        private var postIDs: [Int64]
        private var url: String?
        private var reason: String?
        private var updatedAt: Date

        package init(_ record: PostRecord) {
            id = record.id
            key = record.key
            state = record.state
            asset = record.asset
            runID = record.runID
            publishID = record.publishID
            uploadURL = record.uploadURL?.reveal()
            acceptedAt = record.acceptedAt
            fileDigest = record.fileDigest
            fileBytes = record.fileBytes
            chunkSize = record.chunkSize
            chunkCount = record.chunkCount
            title = record.title
            privacyLevel = record.privacyLevel
            mode = record.mode
            username = record.username
            postIDs = record.postIDs
            url = record.url
            reason = record.reason
            updatedAt = record.updatedAt
        }

        var record: PostRecord {
            PostRecord(
                id: id, key: key, state: state, asset: asset, runID: runID, publishID: publishID,
                uploadURL: uploadURL.map { Secret($0) }, acceptedAt: acceptedAt, fileDigest: fileDigest,
                fileBytes: fileBytes, chunkSize: chunkSize, chunkCount: chunkCount, title: title,
                privacyLevel: privacyLevel, mode: mode, username: username, postIDs: postIDs, url: url, reason: reason,
                updatedAt: updatedAt)
        }
    }
}
