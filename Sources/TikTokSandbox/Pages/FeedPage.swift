import Foundation
import Mustache

/// The page at `/`: a feed that plays the posts.
struct FeedPage: Sendable {
    private let template: MustacheTemplate

    init() throws {
        template = try MustacheTemplate(string: FeedTemplate.html)
    }

    /// The data of the page.
    struct Content: Sendable {
        var posts: [PostView]
        var uploads: [Post]
        var settings: SandboxSettings
        var environmentFile: String
        var now: Date
    }

    func render(_ content: Content, nonce: String) -> String {
        let settings = content.settings
        return template.render(
            [
                "title": "@\(settings.accountUsername) · TikTok sandbox", "nonce": nonce, "style": PageStyle.css,
                "script": FeedTemplate.script, "nickname": settings.accountNickname, "handle": settings.accountUsername,
                "visibility": settings.accountPrivacy.rawValue, "summary": Self.summary(content.posts),
                "environmentFile": content.environmentFile, "posts": content.posts.map(Self.fields(of:)),
                "arriving": content.uploads.filter { content.now < $0.urlExpiresAt }.map(Self.fields(ofUpload:)),
            ] as [String: Any])
    }

    private static func summary(_ posts: [PostView]) -> String {
        posts.count == 1 ? "1 post" : "\(posts.count) posts"
    }

    private static func fields(ofUpload post: Post) -> [String: Any] {
        let percent = Int(post.committed * 100 / max(1, post.plan.videoSize))
        let name = post.details.title.map { $0.isEmpty ? "" : " “\($0.prefix(60))”" } ?? ""
        return [
            "text": "Uploading\(name): \(bytes(post.committed)) of \(bytes(post.plan.videoSize))", "percent": percent,
        ]
    }

    private static func fields(of view: PostView) -> [String: Any] {
        let post = view.post
        let failed = view.status.name == "FAILED"
        let badge = badge(of: view.status)
        let caption = post.details.title ?? ""
        var fields: [String: Any] = [
            "id": "post-" + post.publishID.filter { $0.isLetter || $0.isNumber }, "publishId": post.publishID,
            "state": "\(view.status.name) \(view.status.publicPostID ?? 0) \(post.inspection == nil)",
            "media": "/_sandbox/media/\(post.publishID)", "handle": view.account,
            "label": caption.isEmpty ? "untitled" : String(caption.prefix(80)), "status": badge.text,
            "tone": badge.tone,
            "chips": chips(of: post),
            "noCaption": post.mode == .inbox ? "The user writes the caption in the app." : "No caption",
            "playable": !failed || post.inspection?.facts != nil, "placeholder": "This file cannot be played.",
            "facts": facts(of: view).map { ["name": $0.name, "value": $0.value] },
            "canFinish": view.status.name == "SEND_TO_USER_INBOX",
        ]
        // Mustache treats an empty string as present.
        if !caption.isEmpty { fields["caption"] = caption }
        if failed, let reason = view.status.failReason {
            fields["failure"] = ["reason": reason, "explanation": explanation(of: reason)]
        }
        return fields
    }

    /// The text of a status, and the CSS class of its colour.
    private static func badge(of status: PostStatus) -> (text: String, tone: String) {
        switch status.name {
        case "PUBLISH_COMPLETE": ("Published", "good")
        case "SEND_TO_USER_INBOX": ("Draft, in the inbox", "draft")
        case "FAILED": ("Failed", "bad")
        case "PROCESSING_UPLOAD": ("Processing", "wait")
        default: (status.name, "wait")
        }
    }

    private static func chips(of post: Post) -> [String] {
        var chips: [String] = []
        switch post.details.privacyLevel {
        case "PUBLIC_TO_EVERYONE": chips.append("Everyone")
        case "MUTUAL_FOLLOW_FRIENDS": chips.append("Friends")
        case "FOLLOWER_OF_CREATOR": chips.append("Followers")
        case "SELF_ONLY": chips.append("Only me")
        default: break
        }
        if post.details.aiGenerated { chips.append("AI-generated") }
        if post.details.brandContent {
            chips.append("Paid partnership")
        } else if post.details.brandOrganic {
            chips.append("Promotional content")
        }
        if post.details.disableComment { chips.append("No comments") }
        return chips
    }

    private static func facts(of view: PostView) -> [(name: String, value: String)] {
        let post = view.post
        var facts: [(name: String, value: String)] = []
        if let media = post.inspection?.facts {
            let rate = media.frameRate.formatted(
                .number.precision(.fractionLength(0...2)).locale(Locale(identifier: "en_US")))
            facts.append(("Video", "\(media.width) × \(media.height), \(rate) fps, \(codecName(media.codec))"))
            facts.append(("Length", length(media.duration)))
        }
        facts.append(("Size", bytes(post.committed)))
        let sent = post.createdAt.formatted(.iso8601.dateSeparator(.dash).dateTimeSeparator(.space))
        facts.append(("Sent", sent.replacingOccurrences(of: "Z", with: " UTC")))
        if let id = view.status.publicPostID { facts.append(("Post", String(id))) }
        facts.append(("Publish id", post.publishID))
        return facts
    }

    private static func codecName(_ codec: MediaFacts.Codec) -> String {
        switch codec {
        case .h264: "H.264"
        case .hevc: "HEVC"
        case .vp8: "VP8"
        case .vp9: "VP9"
        }
    }

    private static func length(_ seconds: Double) -> String {
        let tenths = Int((seconds * 10).rounded())
        return tenths < 600 ? "\(tenths / 10).\(tenths % 10) s" : "\(tenths / 600) min \(tenths % 600 / 10) s"
    }

    private static func bytes(_ count: Int64) -> String {
        switch count {
        case ..<1000: return "\(count) bytes"
        case ..<1_000_000: return "\(count / 1000) kB"
        default:
            let tenths = (count + 50_000) / 100_000
            return "\(tenths / 10).\(tenths % 10) MB"
        }
    }

    private static func explanation(of reason: String) -> String {
        switch reason {
        case "file_format_check_failed":
            "The container or codec is not supported: TikTok accepts MP4, MOV or WebM with H.264, HEVC, VP8 or VP9."
        case "frame_rate_check_failed": "The frame rate is outside 23 to 60 frames per second."
        case "picture_size_check_failed": "The width or height is outside 360 to 4096 pixels."
        case "duration_check_failed": "The video is longer than this account may post."
        case "internal": "TikTok failed to process the video and gave no reason."
        default: "TikTok rejected the post."
        }
    }
}
