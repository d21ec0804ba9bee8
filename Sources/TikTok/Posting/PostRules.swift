package import PipelineKit

/// What can be said about a post's settings without asking the service.
package enum PostRules {
    /// Findings about settings whose title may still hold placeholders.
    package static func findings(_ post: PostSettings) -> [Diagnostic] {
        guard post.mode == .direct else { return [] }
        var findings: [Diagnostic] = []
        if !post.title.contains("{{"), let error = titleProblem(post.title) {
            findings.append(
                Diagnostic(code: "title-too-long", error.message, hint: error.hint, pointer: "/post/title"))
        }
        if let glued = post.title.firstMatch(of: /[^\s#](#[\p{L}\p{N}_]+)/) {
            findings.append(
                Diagnostic(
                    .warning, code: "glued-hashtag",
                    "\"\(glued.1)\" in the title does not follow a space, so TikTok does not take it for a hashtag",
                    hint: "put a space before it, or use `post.hashtags`", pointer: "/post/title"))
        }
        if let error = brandProblem(post) {
            findings.append(
                Diagnostic(code: "branded-private", error.message, hint: error.hint, pointer: "/post/privacyLevel"))
        }
        return findings
    }

    /// What stands against posting with these settings, now that the title is final.
    package static func problem(_ post: PostSettings) -> StageError? {
        guard post.mode == .direct else { return nil }
        return titleProblem(post.title) ?? brandProblem(post)
    }

    /// What stands against posting a video of `duration` seconds with these settings as `creator`.
    package static func problem(_ post: PostSettings, duration: Double, creator: CreatorInfo) -> StageError? {
        let options = creator.privacyLevelOptions
        if !options.isEmpty, !options.contains(post.privacyLevel.rawValue) {
            return StageError(
                .refused,
                "the creator's account does not offer the privacy level \(post.privacyLevel.rawValue) [privacy_level_option_mismatch]",
                hint: "set `post.privacyLevel` to one of \(options.joined(separator: ", "))")
        }
        // A container's duration rounds up to a frame's length.
        if let longest = creator.maxVideoPostDuration, longest > 0, duration > Double(longest) + 0.05 {
            return StageError(
                .overLimit,
                "the video lasts \(Duration.seconds(duration).spoken), and this creator's account takes at most \(Duration.seconds(longest).spoken)",
                hint: "lower \"maxDuration\" of the transcode stage", outcome: .invalidData)
        }
        return nil
    }

    /// What a creator agrees to by posting. Content Sharing Guidelines: said before anything is sent.
    package static func consent(_ post: PostSettings) -> String {
        let music = "Music Usage Confirmation (https://www.tiktok.com/legal/page/global/music-usage-confirmation/en)"
        let branded = "Branded Content Policy (https://www.tiktok.com/legal/page/global/bc-policy/en)"
        return "by posting, you agree to TikTok's \(post.brandContent ? "\(branded) and " : "")\(music)"
    }

    /// What stands against sending a file of `bytes` bytes and `duration` seconds by `dialect`.
    ///
    /// The multipart dialect's limits are those of the project's brief: 1 GB and 60 s; it knows no drafts.
    package static func problem(
        _ dialect: Dialect, mode: PostMode, bytes: Int64, duration: Double
    ) -> StageError? {
        guard dialect == .multipart else { return nil }
        if let problem = modeProblem(dialect, mode) { return problem }
        if bytes > 1_000_000_000 {
            return StageError(
                .overLimit, "the prepared file has \(ByteCount(bytes)), and the multipart dialect takes 1 GB",
                hint: "lower \"maxSize\" of the transcode stage", outcome: .invalidData)
        }
        if duration > 60.05 {
            return StageError(
                .overLimit,
                "the video lasts \(Duration.seconds(duration).spoken), and the multipart dialect takes 60 seconds",
                hint: "lower \"maxDuration\" of the transcode stage", outcome: .invalidData)
        }
        return nil
    }

    /// What stands against posting in `mode` by `dialect`.
    package static func modeProblem(_ dialect: Dialect, _ mode: PostMode) -> StageError? {
        guard dialect == .multipart, mode == .inbox else { return nil }
        return StageError(
            .invalidOption, "the multipart dialect has no drafts",
            hint: "set `post.mode` to direct, or unset \(TikTokConfiguration.dialectSetting)")
    }

    private static func titleProblem(_ title: String) -> StageError? {
        // TikTok counts UTF-16 code units: an emoji counts two and more.
        let units = title.utf16.count
        guard units > PostSettings.longestTitle else { return nil }
        return StageError(
            .invalidOption, "the title has \(units) UTF-16 units, and TikTok takes \(PostSettings.longestTitle)",
            hint: "shorten it; an emoji counts two or more")
    }

    private static func brandProblem(_ post: PostSettings) -> StageError? {
        guard post.brandContent, post.privacyLevel == .selfOnly else { return nil }
        return StageError(
            .invalidOption, "branded content (a paid partnership) cannot be private",
            hint: "set `post.privacyLevel` to another audience, or `brandContent` to false")
    }
}
