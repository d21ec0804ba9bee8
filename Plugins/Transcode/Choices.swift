public import PipelineKit

/// How footage of another aspect ratio is fitted into the delivery.
public enum Fit: String, OptionValue, CaseIterable {
    /// Cuts off the edges that don't fit.
    case crop
    /// Shows the whole frame, with bars.
    case pad
    /// Shows the whole frame over a blurred and dimmed copy.
    case blur
}

/// Whether footage that already meets the delivery spec is copied.
public enum Passthrough: String, OptionValue, CaseIterable {
    /// Copies footage when that is possible.
    case auto
    /// Always encodes the footage.
    case never
    /// Rejects footage that would have to be encoded.
    case require
}

/// How to handle footage that is longer than `maxDuration`.
public enum Overlong: String, OptionValue, CaseIterable {
    /// Cuts off the end.
    case trim
    /// Rejects the footage with an error.
    case error
    /// Plays it up to twice as fast, with the pitch kept.
    case speed
}

/// Whether footage is deinterlaced.
public enum Deinterlacing: String, OptionValue, CaseIterable {
    /// Only if the frames are interlaced: the stream's flag alone is not trusted.
    case auto
    case always
    case never
}

/// How to handle the footage's metadata tags.
public enum MetadataPolicy: String, OptionValue, CaseIterable {
    /// Removes all of the tags.
    case strip
    /// Keeps title, comment, date, genre and similar tags, but never those that identify a place, device or person.
    case keep
}

/// x264 presets, from the fastest encode to the smallest file.
public enum Preset: String, OptionValue, CaseIterable {
    case ultrafast
    case superfast
    case veryfast
    case faster
    /// The default: TikTok encodes every upload again anyway.
    case fast
    case medium
    case slow
    case slower
    case veryslow
    case placebo
}
