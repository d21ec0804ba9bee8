import Foundation
package import PipelineKit

/// A client for TikTok's v2 API, with one method per call. It does not retry or wait.
package struct TikTokClient: PostingAPI {
    let configuration: TikTokConfiguration
    private let transport: any Transport

    package init(_ configuration: TikTokConfiguration, transport: any Transport) {
        self.configuration = configuration
        self.transport = transport
    }

    /// Fetches the posting limits and options of the creator.
    package func creatorInfo(_ token: Secret) async throws(APIFailure) -> CreatorInfo {
        try await post("/v2/post/publish/creator_info/query/", Data("{}".utf8), token)
    }

    /// Creates a post, or a draft if it has no settings. TikTok publishes a post as soon as its last byte arrives. Not
    /// idempotent.
    package func create(_ post: NewPost, _ token: Secret) async throws(APIFailure) -> AcceptedPost {
        let source: SourceInfo
        switch post.source {
        case .upload(let plan): source = SourceInfo(plan)
        case .pull(let url): source = SourceInfo(pulling: url)
        case .video: throw .transport(Self.otherDialect)
        }
        let accepted: AcceptedPost
        if let info = post.info {
            accepted = try await self.post(
                "/v2/post/publish/video/init/", encode(DirectPostBody(postInfo: info, sourceInfo: source)), token)
        } else {
            accepted = try await self.post(
                "/v2/post/publish/inbox/video/init/", encode(InboxDraftBody(sourceInfo: source)), token)
        }
        guard case .upload = post.source else {
            // Ignore any upload URL: TikTok fetches the video.
            return AcceptedPost(publishID: accepted.publishID, uploadURL: nil)
        }
        if accepted.uploadURL == nil {
            throw .unintelligible(status: 200, detail: "a response without an upload URL", retryAfter: nil)
        }
        return accepted
    }

    /// Cancels a post that TikTok is still downloading.
    package func cancel(_ publishID: String, _ token: Secret) async throws(APIFailure) {
        let _: NoData = try await post("/v2/post/publish/cancel/", encode(StatusBody(publishID: publishID)), token)
    }

    /// Fetches the status of a post.
    package func status(of publishID: String, _ token: Secret) async throws(APIFailure) -> PublishStatus {
        try await post("/v2/post/publish/status/fetch/", encode(StatusBody(publishID: publishID)), token)
    }

    /// Fetches the user that the token belongs to.
    /// - Parameter fields: `username` needs the scope `user.info.profile`; the defaults only need `user.info.basic`.
    package func userInfo(fields: [String] = ["open_id", "display_name"], _ token: Secret) async throws(APIFailure)
        -> UserInfo
    {
        let answer: UserAnswer = try await call(
            TransportRequest(
                method: "GET",
                url: configuration.apiBaseURL + "/v2/user/info/?fields=" + fields.joined(separator: ","),
                headers: [("Authorization", "Bearer \(token.reveal())")], timeout: configuration.requestTimeout))
        return answer.user
    }

    static let otherDialect = TransportFailure(
        .broken, requestBegun: false, detail: "the configured API dialect does not support this request")

    func encode(_ body: some Encodable) throws(APIFailure) -> Data {
        do {
            return try JSONEncoder().encode(body)
        } catch {
            throw .transport(
                TransportFailure(.broken, requestBegun: false, detail: "the request can't be encoded as JSON"))
        }
    }

    func post<Answer: Decodable>(_ path: String, _ body: Data, _ token: Secret) async throws(APIFailure)
        -> Answer
    {
        try await call(
            TransportRequest(
                method: "POST", url: configuration.apiBaseURL + path,
                headers: [
                    ("Authorization", "Bearer \(token.reveal())"), ("Content-Type", "application/json; charset=UTF-8"),
                ], body: .data(body), timeout: configuration.requestTimeout))
    }

    func call<Answer: Decodable>(_ request: TransportRequest) async throws(APIFailure) -> Answer {
        let response: TransportResponse
        do throws(TransportFailure) {
            response = try await transport.send(request)
        } catch {
            throw .transport(error)
        }
        return try Envelope.parse(response, as: Answer.self)
    }
}
