/// TikTok's media limits.
enum MediaRules {
    /// 23 to 60 frames per second, with a tolerance for 23.976, 59.94 and rounded timestamps.
    static let frameRates = 22.97...60.06
    /// Width and height in pixels.
    static let sides = 360...4096

    /// The documented `fail_reason`, or `nil` for a video that TikTok accepts. Nil facts mean an unreadable file.
    static func failReason(_ facts: MediaFacts?, maxDuration: Int64) -> String? {
        guard let facts else { return "file_format_check_failed" }
        guard sides.contains(facts.width), sides.contains(facts.height) else { return "picture_size_check_failed" }
        guard frameRates.contains(facts.frameRate) else { return "frame_rate_check_failed" }
        // One frame of tolerance: the last frame of a video that was cut at the limit may end after it.
        guard facts.duration > 0, facts.duration <= Double(maxDuration) + 1 / facts.frameRate else {
            return "duration_check_failed"
        }
        return nil
    }
}
