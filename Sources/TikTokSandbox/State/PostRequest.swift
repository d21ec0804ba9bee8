/// Validates the body of an init request against TikTok's documentation.
enum PostRequest {
    static let maxTitleLength = 2200
    private static let privacyLevels = [
        "PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "SELF_ONLY",
    ]

    /// Reads the `post_info` of a direct post.
    static func details(_ body: SandboxJSON, settings: SandboxSettings) throws(APIError) -> Post.Details {
        guard let info = body["post_info"], let members = info.objectValue, !members.isEmpty else { throw .postInfo }
        var details = Post.Details()
        details.title = try text(info, "title")
        if let title = details.title, title.utf16.count > maxTitleLength {
            throw .invalid("The title is longer than \(maxTitleLength) UTF-16 code units")
        }
        details.disableDuet = try flag(info, "disable_duet")
        details.disableStitch = try flag(info, "disable_stitch")
        details.disableComment = try flag(info, "disable_comment")
        details.brandContent = try flag(info, "brand_content_toggle")
        details.brandOrganic = try flag(info, "brand_organic_toggle")
        details.aiGenerated = try flag(info, "is_aigc")
        // TikTok ignores an invalid cover timestamp and uses the first frame.
        details.coverTimestampMilliseconds = info["video_cover_timestamp_ms"]?.integerValue
        details.privacyLevel = try privacyLevel(info, settings)
        return details
    }

    /// How the sandbox obtains the video.
    enum Source: Sendable, Equatable {
        case upload(AnnouncedChunks)
        case pull(String)
    }

    /// Reads the `source_info` of an init request.
    static func source(_ body: SandboxJSON, settings: SandboxSettings) throws(APIError) -> Source {
        guard let source = body["source_info"], let members = source.objectValue, !members.isEmpty else {
            throw .sourceInfo
        }
        switch source["source"]?.stringValue {
        case "FILE_UPLOAD": return .upload(try plan(source, settings))
        case "PULL_FROM_URL":
            guard let url = try text(source, "video_url"), !url.isEmpty else {
                throw .invalid("The field video_url is missing or invalid")
            }
            guard (settings.verifiedURLPrefixes ?? []).contains(where: url.hasPrefix) else {
                throw .urlOwnershipUnverified
            }
            return .pull(url)
        default: throw .invalid("The source is invalid")
        }
    }

    private static func plan(_ source: SandboxJSON, _ settings: SandboxSettings) throws(APIError) -> AnnouncedChunks {
        let plan = AnnouncedChunks(
            videoSize: try number(source, "video_size"), chunkSize: try number(source, "chunk_size"),
            count: try number(source, "total_chunk_count"))
        if let refusal = plan.refusal(settings) { throw .invalid(refusal.rawValue) }
        return plan
    }

    private static func privacyLevel(_ info: SandboxJSON, _ settings: SandboxSettings) throws(APIError) -> String {
        guard let level = try text(info, "privacy_level"), privacyLevels.contains(level) else { throw .privacyMismatch }
        // TikTok does not document which error wins if several apply; here the missing audit does.
        if !settings.appAudited, settings.accountPrivacy == .public || level != "SELF_ONLY" { throw .unauditedClient }
        guard settings.offeredPrivacyLevels.contains(level) else { throw .privacyMismatch }
        return level
    }

    /// Reads the body of a multipart upload's init, and checks the limits of that dialect.
    static func parts(
        _ body: SandboxJSON, settings: SandboxSettings
    ) throws(APIError) -> (size: Int64, partSize: Int64, count: Int?) {
        let size = try number(body, "video_size")
        guard size > 0, size <= settings.multipartMaxBytes else {
            throw .invalid(AnnouncedChunks.Refusal.videoSize.rawValue)
        }
        let partSize = body["chunk_size"] == nil ? min(size, PartUpload.usualPart) : try number(body, "chunk_size")
        guard partSize == size || partSize >= PartUpload.smallestPart, partSize <= size,
            partSize <= PartUpload.greatestPart
        else { throw .invalid(AnnouncedChunks.Refusal.chunkSize.rawValue) }
        guard body["total_chunk_count"] != nil else { return (size, partSize, nil) }
        let count = try number(body, "total_chunk_count")
        // The remainder may be a separate part or belong to the last one.
        guard count == size / partSize || count == (size + partSize - 1) / partSize, count <= 1000 else {
            throw .invalid(AnnouncedChunks.Refusal.chunkCount.rawValue)
        }
        return (size, partSize, Int(count))
    }

    private static func text(_ value: SandboxJSON, _ key: String) throws(APIError) -> String? {
        guard let member = value[key] else { return nil }
        guard let text = member.stringValue else { throw .invalid("The field \(key) is invalid") }
        return text
    }

    private static func flag(_ value: SandboxJSON, _ key: String) throws(APIError) -> Bool {
        guard let member = value[key] else { return false }
        guard let flag = member.boolValue else { throw .invalid("The field \(key) is invalid") }
        return flag
    }

    private static func number(_ value: SandboxJSON, _ key: String) throws(APIError) -> Int64 {
        guard let number = value[key]?.integerValue else { throw .invalid("The field \(key) is missing or invalid") }
        return number
    }
}
