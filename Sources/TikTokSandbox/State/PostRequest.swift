/// Validates the body of an init request against TikTok's documentation.
enum PostRequest {
    static let maxTitleLength = 2200
    private static let privacyLevels = [
        "PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "SELF_ONLY",
    ]

    /// Reads the `post_info` of a direct post.
    static func details(of body: SandboxJSON, settings: SandboxSettings) throws(APIError) -> Post.Details {
        guard let info = body["post_info"], let members = info.objectValue, !members.isEmpty else { throw .postInfo }
        var details = Post.Details()
        details.title = try text("title", of: info)
        if let title = details.title, title.utf16.count > maxTitleLength {
            throw .invalid("The title is longer than \(maxTitleLength) UTF-16 code units")
        }
        details.disableDuet = try flag("disable_duet", of: info)
        details.disableStitch = try flag("disable_stitch", of: info)
        details.disableComment = try flag("disable_comment", of: info)
        details.brandContent = try flag("brand_content_toggle", of: info)
        details.brandOrganic = try flag("brand_organic_toggle", of: info)
        details.aiGenerated = try flag("is_aigc", of: info)
        // TikTok ignores an invalid cover timestamp and uses the first frame.
        details.coverTimestampMilliseconds = info["video_cover_timestamp_ms"]?.integerValue
        details.privacyLevel = try privacyLevel(of: info, settings: settings)
        return details
    }

    /// How the sandbox obtains the video.
    enum Source: Sendable, Equatable {
        case upload(AnnouncedChunks)
        case pull(String)
    }

    /// Reads the `source_info` of an init request.
    static func source(of body: SandboxJSON, settings: SandboxSettings) throws(APIError) -> Source {
        guard let source = body["source_info"], let members = source.objectValue, !members.isEmpty else {
            throw .sourceInfo
        }
        switch source["source"]?.stringValue {
        case "FILE_UPLOAD": return .upload(try chunks(of: source, settings: settings))
        case "PULL_FROM_URL":
            guard let url = try text("video_url", of: source), !url.isEmpty else {
                throw .invalid("The field video_url is missing or invalid")
            }
            guard (settings.verifiedURLPrefixes ?? []).contains(where: url.hasPrefix) else {
                throw .urlOwnershipUnverified
            }
            return .pull(url)
        default: throw .invalid("The source is invalid")
        }
    }

    private static func chunks(of source: SandboxJSON, settings: SandboxSettings) throws(APIError) -> AnnouncedChunks {
        let chunks = AnnouncedChunks(
            videoSize: try number("video_size", of: source), chunkSize: try number("chunk_size", of: source),
            count: try number("total_chunk_count", of: source))
        if let refusal = chunks.refusal(under: settings) { throw .invalid(refusal.rawValue) }
        return chunks
    }

    private static func privacyLevel(of info: SandboxJSON, settings: SandboxSettings) throws(APIError) -> String {
        guard let level = try text("privacy_level", of: info), privacyLevels.contains(level) else {
            throw .privacyMismatch
        }
        // TikTok does not document which error wins if several apply; here the missing audit does.
        if !settings.appAudited, settings.accountPrivacy == .public || level != "SELF_ONLY" { throw .unauditedClient }
        guard settings.offeredPrivacyLevels.contains(level) else { throw .privacyMismatch }
        return level
    }

    /// Reads the body of a multipart upload's init, and checks the limits of that dialect.
    static func parts(
        of body: SandboxJSON, settings: SandboxSettings
    ) throws(APIError) -> (size: Int64, partSize: Int64, count: Int?) {
        let size = try number("video_size", of: body)
        guard size > 0, size <= settings.multipartMaxBytes else {
            throw .invalid(AnnouncedChunks.Refusal.videoSize.rawValue)
        }
        let partSize =
            body["chunk_size"] == nil ? min(size, PartUpload.defaultPartSize) : try number("chunk_size", of: body)
        guard partSize == size || partSize >= PartUpload.minPartSize, partSize <= size,
            partSize <= PartUpload.maxPartSize
        else { throw .invalid(AnnouncedChunks.Refusal.chunkSize.rawValue) }
        guard body["total_chunk_count"] != nil else { return (size, partSize, nil) }
        let count = try number("total_chunk_count", of: body)
        // The remainder may be a separate part or belong to the last one.
        guard count == size / partSize || count == (size + partSize - 1) / partSize, count <= 1000 else {
            throw .invalid(AnnouncedChunks.Refusal.chunkCount.rawValue)
        }
        return (size, partSize, Int(count))
    }

    private static func text(_ key: String, of value: SandboxJSON) throws(APIError) -> String? {
        guard let member = value[key] else { return nil }
        guard let text = member.stringValue else { throw .invalid("The field \(key) is invalid") }
        return text
    }

    private static func flag(_ key: String, of value: SandboxJSON) throws(APIError) -> Bool {
        guard let member = value[key] else { return false }
        guard let flag = member.boolValue else { throw .invalid("The field \(key) is invalid") }
        return flag
    }

    private static func number(_ key: String, of value: SandboxJSON) throws(APIError) -> Int64 {
        guard let number = value[key]?.integerValue else { throw .invalid("The field \(key) is missing or invalid") }
        return number
    }
}
