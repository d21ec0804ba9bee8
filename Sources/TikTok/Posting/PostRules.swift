package import PipelineKit

/// TikTok's rules for a post, checked without calling the service.
package enum PostRules {
    /// Checks the settings of a pipeline, whose title may still contain placeholders.
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
                    "\"\(glued.1)\" in the title does not follow a space, so TikTok does not treat it as a hashtag",
                    hint: "put a space before it, or use `post.hashtags`", pointer: "/post/title"))
        }
        if let error = brandProblem(post) {
            findings.append(
                Diagnostic(code: "branded-private", error.message, hint: error.hint, pointer: "/post/privacyLevel"))
        }
        return findings
    }

    /// Checks the settings once the title is final. Returns nil if they are valid.
    package static func problem(_ post: PostSettings) -> StageError? {
        guard post.mode == .direct else { return nil }
        return titleProblem(post.title) ?? brandProblem(post)
    }

    /// Checks the settings and the `duration` in seconds against the creator's account. Returns nil if TikTok allows
    /// them.
    package static func problem(_ post: PostSettings, duration: Double, creator: CreatorInfo) -> StageError? {
        let options = creator.privacyLevelOptions
        if !options.isEmpty, !options.contains(post.privacyLevel.rawValue) {
            return StageError(
                .refused,
                "the creator's account does not offer the privacy level \(post.privacyLevel.rawValue) [privacy_level_option_mismatch]",
                hint: "set `post.privacyLevel` to one of \(options.joined(separator: ", "))")
        }
        // A container's duration may be up to one frame longer.
        if let longest = creator.maxVideoPostDuration, longest > 0, duration > Double(longest) + 0.05 {
            return StageError(
                .overLimit,
                "the video lasts \(Duration.seconds(duration).spoken), but this creator's account allows at most \(Duration.seconds(longest).spoken)",
                hint: "lower \"maxDuration\" of the transcode stage", outcome: .invalidData)
        }
        return nil
    }

    /// What a creator agrees to by posting. The Content Sharing Guidelines require it to be shown before the upload.
    package static func consent(_ post: PostSettings) -> String {
        let music = "Music Usage Confirmation (https://www.tiktok.com/legal/page/global/music-usage-confirmation/en)"
        let branded = "Branded Content Policy (https://www.tiktok.com/legal/page/global/bc-policy/en)"
        return "by posting, you agree to TikTok's \(post.brandContent ? "\(branded) and " : "")\(music)"
    }

    /// Checks a file of `bytes` bytes and `duration` seconds against the dialect. Returns nil if the dialect allows it.
    ///
    /// The multipart dialect's limits come from the project's brief: 1 GB, 60 s, no drafts.
    package static func problem(
        _ dialect: Dialect, mode: PostMode, bytes: Int64, duration: Double
    ) -> StageError? {
        guard dialect == .multipart else { return nil }
        if let problem = modeProblem(dialect, mode) { return problem }
        if bytes > 1_000_000_000 {
            return StageError(
                .overLimit, "the prepared file has \(ByteCount(bytes)), but the multipart dialect allows at most 1 GB",
                hint: "lower \"maxSize\" of the transcode stage", outcome: .invalidData)
        }
        if duration > 60.05 {
            return StageError(
                .overLimit,
                "the video lasts \(Duration.seconds(duration).spoken), but the multipart dialect allows at most 60 seconds",
                hint: "lower \"maxDuration\" of the transcode stage", outcome: .invalidData)
        }
        return nil
    }

    /// Checks that the dialect supports posting in `mode`. Returns nil if it does.
    package static func modeProblem(_ dialect: Dialect, _ mode: PostMode) -> StageError? {
        guard dialect == .multipart, mode == .inbox else { return nil }
        return StageError(
            .invalidOption, "the multipart dialect does not support drafts",
            hint: "set `post.mode` to direct, or unset \(TikTokConfiguration.dialectSetting)")
    }

    private static func titleProblem(_ title: String) -> StageError? {
        // TikTok counts UTF-16 code units: an emoji takes two or more.
        let units = title.utf16.count
        guard units > PostSettings.longestTitle else { return nil }
        return StageError(
            .invalidOption, "the title has \(units) UTF-16 units, but TikTok allows \(PostSettings.longestTitle)",
            hint: "shorten it; an emoji counts as two or more units")
    }

    private static func brandProblem(_ post: PostSettings) -> StageError? {
        guard post.brandContent, post.privacyLevel == .selfOnly else { return nil }
        return StageError(
            .invalidOption, "branded content (a paid partnership) can't be private",
            hint: "set `post.privacyLevel` to another audience, or `brandContent` to false")
    }
}
