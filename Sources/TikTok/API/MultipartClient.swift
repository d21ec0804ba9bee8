package import PipelineKit

/// The multipart dialect: a video is sent in numbered parts first, and posted by a call of its own.
///
/// TikTok documents no such API; it is the one of the project's brief, modelled on its relatives. Creator info and
/// status are v2's.
package struct MultipartClient: PostingAPI {
    private let v2: TikTokClient
    private let transport: any Transport

    /// A client.
    package init(_ configuration: TikTokConfiguration, transport: any Transport) {
        v2 = TikTokClient(configuration, transport: transport)
        self.transport = transport
    }

    package func creatorInfo(_ token: Secret) async throws(APIFailure) -> CreatorInfo {
        try await v2.creatorInfo(token)
    }

    package func status(of publishID: String, _ token: Secret) async throws(APIFailure) -> PublishStatus {
        try await v2.status(of: publishID, token)
    }

    package func cancel(_ publishID: String, _ token: Secret) async throws(APIFailure) {
        try await v2.cancel(publishID, token)
    }

    package func create(_ post: NewPost, _ token: Secret) async throws(APIFailure) -> AcceptedPost {
        guard case .video(let id) = post.source, let info = post.info else {
            throw .transport(TikTokClient.otherDialect)
        }
        let accepted: AcceptedPost = try await v2.post(
            "/post/publish/direct/", v2.encode(PublishBody(videoID: id, postInfo: info)), token)
        return AcceptedPost(publishID: accepted.publishID, uploadURL: nil)
    }

    // MARK: Parts. Repeating one of these calls does no harm.

    /// Opens an upload.
    package func openUpload(_ plan: ChunkPlan, _ token: Secret) async throws(APIFailure) -> OpenedUpload {
        try await v2.post("/video/upload/init/", v2.encode(OpenBody(plan)), token)
    }

    /// Sends the part `number`, from 1; it replaces an earlier one of that number.
    package func sendPart(
        _ number: Int, of uploadID: String, _ chunk: FileChunk, timeout: Duration, _ token: Secret
    ) async throws(APIFailure) -> ReceivedPart {
        try await v2.call(
            TransportRequest(
                method: "POST",
                url:
                    "\(v2.configuration.apiBaseURL)/video/upload/part/?upload_id=\(FormEncoding.encode(uploadID))&part_number=\(number)",
                headers: [("Authorization", "Bearer \(token.reveal())"), ("Content-Type", "video/mp4")],
                body: .file(chunk), timeout: timeout))
    }

    /// Puts the parts together.
    package func completeUpload(_ uploadID: String, _ token: Secret) async throws(APIFailure) -> CompletedVideo {
        try await v2.post("/video/upload/complete/", v2.encode(CompleteBody(uploadID: uploadID)), token)
    }
}

/// What opening an upload answers.
package struct OpenedUpload: Sendable, Hashable, Decodable {
    /// The upload's id.
    package var uploadID: String
    /// Seconds that it takes parts for; nil when the answer does not say.
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
    /// A text that says something.
    fileprivate func nonEmptyText(forKey key: Key) throws -> String {
        let text = try decode(String.self, forKey: key)
        guard !text.isEmpty else {
            throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: "it is empty")
        }
        return text
    }
}

/// What sending a part answers.
package struct ReceivedPart: Sendable, Hashable, Decodable {
    /// Bytes that arrived; nil when the answer does not say.
    package var receivedBytes: Int64?

    private enum CodingKeys: String, CodingKey {
        case receivedBytes = "received_bytes"
    }
}

/// What putting the parts together answers.
package struct CompletedVideo: Sendable, Hashable, Decodable {
    /// The video's id.
    package var videoID: String
    /// Its bytes; nil when the answer does not say.
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
