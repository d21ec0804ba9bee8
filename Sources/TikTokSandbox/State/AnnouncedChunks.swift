/// The chunks that an init request announces. Sizes are in bytes.
struct AnnouncedChunks: Codable, Sendable, Equatable {
    var videoSize: Int64
    var chunkSize: Int64
    var count: Int64

    /// For a video that the sandbox fetches, until it has arrived.
    static let unknown = AnnouncedChunks(videoSize: 0, chunkSize: 0, count: 0)

    /// The index of the last byte of the chunk that starts at `first`, or `nil` if no chunk starts there.
    func lastByte(ofChunkAt first: Int64) -> Int64? {
        guard first >= 0, first < videoSize, first % chunkSize == 0, first / chunkSize < count else { return nil }
        return first / chunkSize == count - 1 ? videoSize - 1 : first + chunkSize - 1
    }

    /// Why TikTok rejects the announcement, in the words of its response.
    enum Refusal: String, Sendable {
        case chunkSize = "The chunk size is invalid"
        case chunkCount = "The total chunk count is invalid"
        case videoSize = "The video size is invalid"
    }

    /// Checks the chunks against the rules of TikTok's media transfer guide; settings choose where the guide is ambiguous.
    func refusal(under settings: SandboxSettings) -> Refusal? {
        let megabyte: Int64 = settings.chunkLimits == .mib ? 1_048_576 : 1_000_000
        let largest = 64 * megabyte
        guard videoSize > 0, videoSize <= settings.maxVideoBytes else { return .videoSize }
        let single = settings.lenientSingle && count == 1 && chunkSize == videoSize && chunkSize <= 2 * largest
        if chunkSize <= 0 || (chunkSize > largest && !single) { return .chunkSize }
        if chunkSize < 5 * megabyte && chunkSize != videoSize {
            return .chunkSize
        }
        if count < 1 || count > 1000 || count != videoSize / chunkSize { return .chunkCount }
        if settings.singleMustMatch && count == 1 && chunkSize != videoSize { return .chunkSize }
        if settings.legacy2023 && chunkSize != videoSize / count { return .chunkSize }
        if videoSize - (count - 1) * chunkSize > 2 * largest { return .chunkSize }
        return nil
    }
}
