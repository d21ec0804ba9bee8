/// The media limits of TikTok, applied to what the probe found.
enum MediaRules {
    /// 23 to 60 frames a second, with room for 23.976, 59.94 and the rounding of time stamps.
    static let frameRates = 22.97...60.06
    /// Picture sides in pixels.
    static let sides = 360...4096

    /// The documented `fail_reason`, or `nil` for a video that TikTok takes.
    static func failReason(_ facts: MediaFacts?, maxDuration: Int64) -> String? {
        guard let facts else { return "file_format_check_failed" }
        guard sides.contains(facts.width), sides.contains(facts.height) else { return "picture_size_check_failed" }
        guard frameRates.contains(facts.frameRate) else { return "frame_rate_check_failed" }
        // A frame of tolerance: the last time stamp of a video cut at the limit may fall behind it.
        guard facts.duration > 0, facts.duration <= Double(maxDuration) + 1 / facts.frameRate else {
            return "duration_check_failed"
        }
        return nil
    }
}
