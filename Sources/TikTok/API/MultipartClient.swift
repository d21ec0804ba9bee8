package import PipelineKit

/// A client for the multipart dialect: it uploads a video in numbered parts, then publishes it in a separate call.
///
/// TikTok does not document this API; it follows the project's brief and is modelled on TikTok's related APIs. Creator
/// info and status use the v2 calls.
package struct MultipartClient: PostingAPI {
    private let v2: TikTokClient
    private let transport: any Transport

    package init(_ configuration: TikTokConfiguration, transport: any Transport) {
        v2 = TikTokClient(configuration, transport: transport)
        self.transport = transport
    }

    package func creatorInfo(token: Secret) async throws(APIFailure) -> CreatorInfo {
        try await v2.creatorInfo(token: token)
    }

    package func status(of publishID: String, token: Secret) async throws(APIFailure) -> PublishStatus {
        try await v2.status(of: publishID, token: token)
    }

    package func cancel(_ publishID: String, token: Secret) async throws(APIFailure) {
        try await v2.cancel(publishID, token: token)
    }

    package func create(_ post: NewPost, token: Secret) async throws(APIFailure) -> AcceptedPost {
        guard case .video(let id) = post.source, let info = post.info else {
            throw .transport(TikTokClient.otherDialect)
        }
        let accepted: AcceptedPost = try await v2.post(
            PublishBody(videoID: id, postInfo: info), to: "/post/publish/direct/", token: token)
        return AcceptedPost(publishID: accepted.publishID, uploadURL: nil)
    }

    // MARK: Parts. These calls are safe to repeat.

    /// Starts an upload.
    package func openUpload(_ plan: ChunkPlan, token: Secret) async throws(APIFailure) -> OpenedUpload {
        try await v2.post(OpenBody(plan), to: "/video/upload/init/", token: token)
    }

    /// Sends a part. It replaces an earlier part with the same number.
    package func sendPart(
        _ part: VideoPart, timeout: Duration, token: Secret
    ) async throws(APIFailure) -> ReceivedPart {
        try await v2.call(
            TransportRequest(
                method: "POST",
                url:
                    "\(v2.configuration.apiBaseURL)/video/upload/part/?upload_id=\(FormEncoding.encode(part.uploadID))&part_number=\(part.number)",
                headers: [("Authorization", "Bearer \(token.reveal())"), ("Content-Type", "video/mp4")],
                body: .file(part.chunk), timeout: timeout))
    }

    /// Assembles the parts into a video.
    package func completeUpload(_ uploadID: String, token: Secret) async throws(APIFailure) -> CompletedVideo {
        try await v2.post(CompleteBody(uploadID: uploadID), to: "/video/upload/complete/", token: token)
    }
}

/// One part of a multipart upload.
package struct VideoPart: Sendable {
    /// Counted from 1.
    package var number: Int
    /// The id of the upload at the service.
    package var uploadID: String
    package var chunk: FileChunk

    package init(number: Int, uploadID: String, chunk: FileChunk) {
        self.number = number
        self.uploadID = uploadID
        self.chunk = chunk
    }
}

/// The response to starting an upload.
package struct OpenedUpload: Sendable, Hashable, Decodable {
    package var uploadID: String
    /// How long the upload accepts parts, in seconds; nil if the response does not say.
    package var expiresIn: Double?

    private enum CodingKeys: String, CodingKey {
        case uploadID = "upload_id"
        case expiresIn = "expires_in"
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        uploadID = try fields.nonEmptyText(forKey: .uploadID)
        expiresIn = try fields.decodeIfPresent(Double.self, forKey: .expiresIn)
    }
}

extension KeyedDecodingContainer {
    /// Decodes a string that must not be empty.
    fileprivate func nonEmptyText(forKey key: Key) throws -> String {
        let text = try decode(String.self, forKey: key)
        guard !text.isEmpty else {
            throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: "the value is empty")
        }
        return text
    }
}

/// The response to sending a part.
package struct ReceivedPart: Sendable, Hashable, Decodable {
    /// The number of bytes that arrived; nil if the response does not say.
    package var receivedBytes: Int64?

    private enum CodingKeys: String, CodingKey {
        case receivedBytes = "received_bytes"
    }
}

/// The response to assembling the parts.
package struct CompletedVideo: Sendable, Hashable, Decodable {
    package var videoID: String
    /// The size of the video in bytes; nil if the response does not say.
    package var videoSize: Int64?

    private enum CodingKeys: String, CodingKey {
        case videoID = "video_id"
        case videoSize = "video_size"
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        videoID = try fields.nonEmptyText(forKey: .videoID)
        videoSize = try fields.decodeIfPresent(Int64.self, forKey: .videoSize)
    }
}

private struct OpenBody: Encodable {
    let videoSize: Int64
    let chunkSize: Int64
    let totalChunkCount: Int

    init(_ plan: ChunkPlan) {
        videoSize = plan.size
        chunkSize = plan.chunkSize
        totalChunkCount = plan.count
    }

    private enum CodingKeys: String, CodingKey {
        case videoSize = "video_size"
        case chunkSize = "chunk_size"
        case totalChunkCount = "total_chunk_count"
    }
}

private struct CompleteBody: Encodable {
    let uploadID: String

    private enum CodingKeys: String, CodingKey {
        case uploadID = "upload_id"
    }
}

private struct PublishBody: Encodable {
    let videoID: String
    let postInfo: PostInfo

    private enum CodingKeys: String, CodingKey {
        case videoID = "video_id"
        case postInfo = "post_info"
    }
}
