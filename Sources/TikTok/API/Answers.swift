package import PipelineKit

/// The posting limits and options that the creator's account has at the moment.
package struct CreatorInfo: Sendable, Hashable {
    /// The handle, without `@`.
    package var username: String?
    package var nickname: String?
    /// The privacy levels that the account offers, with TikTok's names.
    package var privacyLevelOptions: [String]
    /// Whether the creator turned comments off.
    package var commentDisabled: Bool
    /// Whether duets are off for the account.
    package var duetDisabled: Bool
    /// Whether stitches are off for the account.
    package var stitchDisabled: Bool
    /// The maximum duration of a video in seconds; nil if the response does not say.
    package var maxVideoPostDuration: Int?

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

/// The service's response to a request that created a post.
package struct AcceptedPost: Sendable, Hashable {
    /// The opaque id of the post at the service.
    package var publishID: String
    /// The upload URL, which contains a token; nil if the service already has the bytes or fetches them.
    package var uploadURL: Secret?

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

/// The status of a post at the service.
package struct PublishStatus: Sendable, Hashable {
    /// TikTok's name for the status. Unknown names count as in progress.
    package var status: String
    /// TikTok's code for the failure; nil if the post has not failed.
    package var failReason: String?
    /// The ids of public posts; empty for private posts, drafts and posts still in moderation.
    package var postIDs: [Int64]
    /// The number of bytes that have arrived; nil if the response does not say.
    package var uploadedBytes: Int64?

    package init(status: String, failReason: String? = nil, postIDs: [Int64] = [], uploadedBytes: Int64? = nil) {
        self.status = status
        self.failReason = failReason
        self.postIDs = postIDs
        self.uploadedBytes = uploadedBytes
    }

    /// The final status of a direct post, and of a draft that the creator posted.
    package static let complete = "PUBLISH_COMPLETE"
    /// The final status of a draft, as seen by the API.
    package static let inbox = "SEND_TO_USER_INBOX"
    /// The service is fetching the video from its URL.
    package static let downloading = "PROCESSING_DOWNLOAD"
    /// The service rejected the post.
    package static let failed = "FAILED"

    /// The phase that this status means for a post of `mode`.
    package func phase(for mode: PostMode) -> Phase {
        switch status {
        case Self.complete: .done
        // A direct post should never end in the inbox, but a delivered video is not a failure either.
        case Self.inbox: .done
        case Self.failed: .failed(reason: failReason ?? "no reason given")
        default: .underWay
        }
    }

    /// The status of a post, reduced to whether polling continues.
    package enum Phase: Sendable, Hashable {
        /// Uploading, processing, or an unknown status.
        case underWay
        /// Posted, or delivered as a draft.
        case done
        /// Rejected by the service.
        case failed(reason: String)
    }
}

extension PublishStatus: Decodable {
    private enum CodingKeys: String, CodingKey {
        case status
        case failReason = "fail_reason"
        // TikTok's own misspelling; `postIDs` has the correct spelling, which some other clients and fakes use.
        case misspeltPostIDs = "publicaly_available_post_id"
        case postIDs = "publicly_available_post_id"
        case uploadedBytes = "uploaded_bytes"
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        status = try fields.decode(String.self, forKey: .status)
        let reason = try fields.decodeIfPresent(String.self, forKey: .failReason) ?? ""
        failReason = reason.isEmpty ? nil : RemoteText.code(reason)
        // An unreadable list of ids must not turn a finished post into an error.
        let ids =
            (try? fields.decodeIfPresent([LenientInt64].self, forKey: .misspeltPostIDs))
            ?? (try? fields.decodeIfPresent([LenientInt64].self, forKey: .postIDs)) ?? []
        postIDs = ids.map(\.value)
        uploadedBytes = try? fields.decodeIfPresent(LenientInt64.self, forKey: .uploadedBytes)?.value
    }
}

/// The user that an access token belongs to.
package struct UserInfo: Sendable, Hashable, Decodable {
    /// The id of the user, stable for one app.
    package var openID: String
    package var displayName: String?
    /// The handle; needs the scope `user.info.profile`.
    package var username: String?

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
