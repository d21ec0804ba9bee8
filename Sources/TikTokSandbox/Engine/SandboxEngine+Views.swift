import Foundation

/// A post with its current status, for the control endpoints and the feed.
struct PostView: Sendable {
    var post: Post
    var status: PostStatus
    var account: String

    /// The post as an element of `GET /_sandbox/posts`.
    var json: SandboxJSON {
        let formatted = post.createdAt.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        var members: [String: SandboxJSON] = [
            "publishId": .string(post.publishID), "status": .string(status.name), "mode": .string(post.mode.rawValue),
            "title": post.details.title.map(SandboxJSON.string) ?? .null,
            "privacyLevel": post.details.privacyLevel.map(SandboxJSON.string) ?? .null,
            "bytes": .integer(post.committed), "sha256": (post.inspection?.sha256).map(SandboxJSON.string) ?? .null,
            // A string, because JSON parsers that use doubles lose digits above 2^53.
            "postId": status.publicPostID.map { .string(String($0)) } ?? .null,
            "failReason": status.failReason.map(SandboxJSON.string) ?? .null, "createdAt": .string(formatted),
            "account": .string(account), "disableComment": .bool(post.details.disableComment),
            "disableDuet": .bool(post.details.disableDuet), "disableStitch": .bool(post.details.disableStitch),
            "isAigc": .bool(post.details.aiGenerated), "brandContentToggle": .bool(post.details.brandContent),
            "brandOrganicToggle": .bool(post.details.brandOrganic),
            "coverTimestampMs": post.details.coverTimestampMilliseconds.map(SandboxJSON.integer) ?? .null,
        ]
        if let facts = post.inspection?.facts {
            members["media"] = [
                "container": .string(facts.container.rawValue), "codec": .string(facts.codec.rawValue),
                "width": .integer(Int64(facts.width)), "height": .integer(Int64(facts.height)),
                "duration": .number(facts.duration), "frameRate": .number(facts.frameRate),
            ]
        }
        return .object(members)
    }
}

/// The file with the video of a post.
struct StoredVideo: Sendable {
    var file: URL
    var contentType: String
    /// In bytes.
    var size: Int64
}

extension SandboxEngine {
    /// The posts whose bytes have all arrived, newest first.
    func arrivedPosts() -> [PostView] {
        let now = now()
        let settings = settings
        return state.arrivedPosts.map {
            PostView(post: $0, status: $0.status(at: now, settings: settings), account: settings.accountUsername)
        }
    }

    /// The posts that still lack bytes, abandoned ones included, newest first.
    func openUploads() -> [SandboxJSON] {
        let now = now()
        let settings = settings
        return state.openUploads.map { post in
            [
                "publishId": .string(post.publishID), "mode": .string(post.mode.rawValue),
                "status": .string(post.status(at: now, settings: settings).name),
                "uploadedBytes": .integer(post.committed), "bytes": .integer(post.plan.videoSize),
                "chunkSize": .integer(post.plan.chunkSize), "totalChunkCount": .integer(post.plan.count),
                "title": post.details.title.map(SandboxJSON.string) ?? .null,
            ]
        }
    }

    /// The video of a post; nil while bytes are missing.
    func video(of publishID: String) -> StoredVideo? {
        guard let post = state.posts[publishID], post.isComplete else { return nil }
        let type = post.inspection?.facts?.container.contentType ?? post.contentType ?? "application/octet-stream"
        return StoredVideo(file: directory.media(publishID), contentType: type, size: post.committed)
    }

    /// The data of the feed page.
    func feed() -> FeedPage.Content {
        FeedPage.Content(
            posts: arrivedPosts(), uploads: state.openUploads, settings: settings,
            environmentFile: directory.environmentFile.path, now: now())
    }
}
