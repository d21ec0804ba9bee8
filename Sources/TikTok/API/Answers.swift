package import PipelineKit

/// What the creator's account allows at this moment.
package struct CreatorInfo: Sendable, Hashable {
    /// The handle, without `@`.
    package var username: String?
    /// The display name.
    package var nickname: String?
    /// Audiences that the account may choose from, in TikTok's words.
    package var privacyLevelOptions: [String]
    /// Whether the creator turned comments off.
    package var commentDisabled: Bool
    /// Whether duets are off for the account.
    package var duetDisabled: Bool
    /// Whether stitches are off for the account.
    package var stitchDisabled: Bool
    /// The longest video in seconds; nil when the answer does not say.
    package var maxVideoPostDuration: Int?

    /// A creator's limits.
    package init(
        username: String? = nil, nickname: String? = nil, privacyLevelOptions: [String], commentDisabled: Bool = false,
        duetDisabled: Bool = false, stitchDisabled: Bool = false, maxVideoPostDuration: Int? = nil
    ) {
        self.username = username
        self.nickname = nickname
        self.privacyLevelOptions = privacyLevelOptions
        self.commentDisabled = commentDisabled
        self.duetDisabled = duetDisabled
        self.stitchDisabled = stitchDisabled
        self.maxVideoPostDuration = maxVideoPostDuration
    }
}

extension CreatorInfo: Decodable {
    private enum CodingKeys: String, CodingKey {
        case username = "creator_username"
        case nickname = "creator_nickname"
        case privacyLevelOptions = "privacy_level_options"
        case commentDisabled = "comment_disabled"
        case duetDisabled = "duet_disabled"
        case stitchDisabled = "stitch_disabled"
        case maxVideoPostDuration = "max_video_post_duration_sec"
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        username = try fields.decodeIfPresent(String.self, forKey: .username)
        nickname = try fields.decodeIfPresent(String.self, forKey: .nickname)
        privacyLevelOptions = try fields.decodeIfPresent([String].self, forKey: .privacyLevelOptions) ?? []
        commentDisabled = try fields.decodeIfPresent(Bool.self, forKey: .commentDisabled) ?? false
        duetDisabled = try fields.decodeIfPresent(Bool.self, forKey: .duetDisabled) ?? false
        stitchDisabled = try fields.decodeIfPresent(Bool.self, forKey: .stitchDisabled) ?? false
        maxVideoPostDuration = try fields.decodeIfPresent(LenientInt64.self, forKey: .maxVideoPostDuration)
            .flatMap { Int(exactly: $0.value) }
    }
}

/// What the service gives when it takes on a post.
package struct AcceptedPost: Sendable, Hashable {
    /// The service's id of the post, opaque.
    package var publishID: String
    /// Where the bytes go; carries a token. Nil when the service has them already, or fetches them itself.
    package var uploadURL: Secret?

    /// An accepted post.
    package init(publishID: String, uploadURL: Secret?) {
        self.publishID = publishID
        self.uploadURL = uploadURL
    }
}

extension AcceptedPost: Decodable {
    private enum CodingKeys: String, CodingKey {
        case publishID = "publish_id"
        case uploadURL = "upload_url"
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        publishID = try fields.decode(String.self, forKey: .publishID)
        uploadURL = try fields.decodeIfPresent(String.self, forKey: .uploadURL).map { Secret($0) }
        guard !publishID.isEmpty else {
            throw DecodingError.dataCorruptedError(
                forKey: .publishID, in: fields, debugDescription: "the publish id is empty")
        }
    }
}

/// How a post stands at the service.
package struct PublishStatus: Sendable, Hashable {
    /// The status in TikTok's word; words that are not known mean that it goes on.
    package var status: String
    /// Why it failed, in TikTok's word.
    package var failReason: String?
    /// Ids of public posts; empty for private posts, drafts and posts that are not yet moderated.
    package var postIDs: [Int64]
    /// Bytes that arrived; nil when the answer does not say.
    package var uploadedBytes: Int64?

    /// A status.
    package init(status: String, failReason: String? = nil, postIDs: [Int64] = [], uploadedBytes: Int64? = nil) {
        self.status = status
        self.failReason = failReason
        self.postIDs = postIDs
        self.uploadedBytes = uploadedBytes
    }

    /// Direct posts end here; drafts too once the creator posted them.
    package static let complete = "PUBLISH_COMPLETE"
    /// Drafts end here for the API.
    package static let inbox = "SEND_TO_USER_INBOX"
    /// The service is fetching the bytes of a pull.
    package static let downloading = "PROCESSING_DOWNLOAD"
    /// The service gave the post up.
    package static let failed = "FAILED"

    /// What the status means for a post of `mode`.
    package func phase(for mode: PostMode) -> Phase {
        switch status {
        case Self.complete: .done
        // A direct post never legitimately ends in the inbox, but what was delivered there is no failure either.
        case Self.inbox: .done
        case Self.failed: .failed(reason: failReason ?? "no reason given")
        default: .underWay
        }
    }

    /// Where a post stands.
    package enum Phase: Sendable, Hashable {
        /// Bytes arriving, processing, or a status that is not known.
        case underWay
        /// Posted, or delivered as a draft.
        case done
        /// Given up by the service.
        case failed(reason: String)
    }
}

extension PublishStatus: Decodable {
    private enum CodingKeys: String, CodingKey {
        case status
        case failReason = "fail_reason"
        // TikTok's own spelling; the correct one is what some other clients and fakes expect.
        case misspeltPostIDs = "publicaly_available_post_id"
        case postIDs = "publicly_available_post_id"
        case uploadedBytes = "uploaded_bytes"
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        status = try fields.decode(String.self, forKey: .status)
        let reason = try fields.decodeIfPresent(String.self, forKey: .failReason) ?? ""
        failReason = reason.isEmpty ? nil : RemoteText.code(reason)
        // A list whose ids can't be read must not turn a finished post into an error.
        let ids =
            (try? fields.decodeIfPresent([LenientInt64].self, forKey: .misspeltPostIDs))
            ?? (try? fields.decodeIfPresent([LenientInt64].self, forKey: .postIDs)) ?? []
        postIDs = ids.map(\.value)
        uploadedBytes = try? fields.decodeIfPresent(LenientInt64.self, forKey: .uploadedBytes)?.value
    }
}

/// Who a token belongs to.
package struct UserInfo: Sendable, Hashable, Decodable {
    /// Stable per user and app.
    package var openID: String
    /// The display name.
    package var displayName: String?
    /// The handle; needs the scope `user.info.profile`.
    package var username: String?

    /// A user.
    package init(openID: String, displayName: String? = nil, username: String? = nil) {
        self.openID = openID
        self.displayName = displayName
        self.username = username
    }

    private enum CodingKeys: String, CodingKey {
        case openID = "open_id"
        case displayName = "display_name"
        case username
    }
}

struct UserAnswer: Decodable {
    var user: UserInfo
}
