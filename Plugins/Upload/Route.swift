import PipelineKit
import TikTok

/// How TikTok gets the bytes of a post.
enum Route: Sendable {
    /// Sent in chunks after the post is created.
    case chunks
    /// Sent in parts before the post is created.
    case parts
    /// Fetched by TikTok from this URL.
    case pull(String)

    /// Chooses the route from the `source` option, the dialect and the video's public URL.
    init(of video: PreparedVideo, origin: Upload.Origin, dialect: Dialect) throws(StageError) {
        switch (origin, dialect, video.publicURL) {
        case (.pull, .multipart, _): throw Self.noPull
        case (_, .multipart, _): self = .parts
        case (.file, .v2, _), (.auto, .v2, nil): self = .chunks
        case (.auto, .v2, let url?), (.pull, .v2, let url?): self = .pull(url)
        case (.pull, .v2, nil):
            throw StageError(
                .invalidOption, "the video has no public URL that TikTok could fetch it from",
                hint: "put `export` with \"publicURL\" before `chunk`, or set \"source\" to file")
        }
    }

    static let noPull = StageError(
        .invalidOption, "the multipart dialect does not support pulling",
        hint: "set \"source\" to file, or unset \(TikTokConfiguration.dialectSetting)")
}
