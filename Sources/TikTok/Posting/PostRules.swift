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
