import Foundation
import PipelineKit
import Posting

/// The wire formats of credentials and posts, between the program and its own children. Plugins never receive them.
enum PostingWire {
    /// Credentials in clear: only for children of this program, over a pipe that no other process holds.
    struct Tokens: Codable {
        private var accessToken: String
        private var scopes: [String]?
        private var expiresAt: Date?

        init(_ credentials: Credentials) {
            accessToken = credentials.accessToken.reveal()
            scopes = credentials.scopes
            expiresAt = credentials.expiresAt
        }

        var credentials: Credentials {
            Credentials(accessToken: Secret(accessToken), scopes: scopes, expiresAt: expiresAt)
        }
    }

    /// The argument of `ledger.reserve`.
    struct Claim: Codable {
        var key: PostKey
        var asset: String
        var runID: String
    }

    /// The wire format of ``PostChange``.
    struct Change: Codable {
        private var state: PostState
        private var announcement: PostAnnouncement?
        private var publishID: String?
        private var uploadURL: String?
        private var postIDs: [Int64]?
        private var url: String?
        private var reason: String?

        init(_ change: PostChange) {
            state = change.state
            switch change {
            case .sending(let announcement): self.announcement = announcement
            case .accepted(let id, let address): (publishID, uploadURL) = (id, address?.reveal())
            case .uploaded: break
            case .published(let ids, let address): (postIDs, url) = (ids, address)
            case .failed(let reason), .unconfirmed(let reason): self.reason = reason
            }
        }

        /// The change; nil if required fields are missing.
        var change: PostChange? {
            switch state {
            case .reserved: nil
            case .sending: announcement.map { .sending($0) }
            case .accepted: publishID.map { .accepted(publishID: $0, uploadURL: uploadURL.map { Secret($0) }) }
            case .uploaded: .uploaded
            case .published: .published(postIDs: postIDs ?? [], url: url)
            case .failed: reason.map { .failed(reason: $0) }
            case .unconfirmed: reason.map { .unconfirmed(reason: $0) }
            }
        }
    }

    /// The wire format of ``PostRecord``.
    struct Post: Codable {
        private var id: String
        private var key: PostKey
        private var state: PostState
        private var asset: String
        private var runID: String
        private var announcement: PostAnnouncement?
        private var publishID: String?
        private var uploadURL: String?
        private var acceptedAt: Date?
        private var postIDs: [Int64]
        private var url: String?
        private var reason: String?
        private var updatedAt: Date

        init(_ record: PostRecord) {
            id = record.id
            key = record.key
            state = record.state
            asset = record.asset
            runID = record.runID
            announcement = record.announcement
            publishID = record.publishID
            uploadURL = record.uploadURL?.reveal()
            acceptedAt = record.acceptedAt
            postIDs = record.postIDs
            url = record.url
            reason = record.reason
            updatedAt = record.updatedAt
        }

        var record: PostRecord {
            var record = PostRecord(id: id, key: key, state: state, asset: asset, runID: runID, updatedAt: updatedAt)
            record.announcement = announcement
            record.publishID = publishID
            record.uploadURL = uploadURL.map { Secret($0) }
            record.acceptedAt = acceptedAt
            record.postIDs = postIDs
            record.url = url
            record.reason = reason
            return record
        }
    }
}
