public import PipelineKit

/// What happens to a picture of another shape than the delivery.
public enum Fit: String, OptionValue, CaseIterable {
    /// Cut off what sticks out.
    case crop
    /// Show all of it, with bars.
    case pad
    /// Show all of it, over a blurred and dimmed copy.
    case blur
}

/// Whether footage that already meets the delivery spec is copied.
public enum Passthrough: String, OptionValue, CaseIterable {
    /// When it can be.
    case auto
    /// Never.
    case never
    /// Always: refuse what would have to be encoded.
    case require
}

/// What happens to footage that is longer than `maxDuration`.
public enum Overlong: String, OptionValue, CaseIterable {
    /// Cut off at the end.
    case trim
    /// Refused.
    case error
    /// Played faster, up to twice, with the pitch kept.
    case speed
}

/// Whether fields are taken apart.
public enum Deinterlacing: String, OptionValue, CaseIterable {
    /// Where the pictures show it: the stream's flag alone is not trusted.
    case auto
    /// Always.
    case always
    /// Never.
    case never
}

/// What becomes of the footage's tags.
public enum MetadataPolicy: String, OptionValue, CaseIterable {
    /// None are kept.
    case strip
    /// Title, comment, date, genre and the like are kept; what identifies a place, a device or a person never is.
    case keep
}

/// x264's presets, from fastest to smallest.
public enum Preset: String, OptionValue, CaseIterable {
    /// Largest files, least work.
    case ultrafast
    /// See ``ultrafast``.
    case superfast
    /// For previews.
    case veryfast
    /// Between.
    case faster
    /// The default: the service encodes everything again.
    case fast
    /// x264's own default.
    case medium
    /// Smaller files.
    case slow
    /// Smaller files.
    case slower
    /// Smallest files that are worth the wait.
    case veryslow
    /// Not worth the wait.
    case placebo
}
