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
    package func creatorInfo(token: Secret) async throws(APIFailure) -> CreatorInfo {
        try await post([String: String](), to: "/v2/post/publish/creator_info/query/", token: token)
    }

    /// Creates a post, or a draft if it has no settings. TikTok publishes a post as soon as its last byte arrives. Not
    /// idempotent.
    package func create(_ post: NewPost, token: Secret) async throws(APIFailure) -> AcceptedPost {
        let source: SourceInfo
        switch post.source {
        case .upload(let plan): source = SourceInfo(plan)
        case .pull(let url): source = SourceInfo(pulling: url)
        case .video: throw .transport(Self.otherDialect)
        }
        let accepted: AcceptedPost
        if let info = post.info {
            accepted = try await self.post(
                DirectPostBody(postInfo: info, sourceInfo: source), to: "/v2/post/publish/video/init/", token: token)
        } else {
            accepted = try await self.post(
                InboxDraftBody(sourceInfo: source), to: "/v2/post/publish/inbox/video/init/", token: token)
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
    package func cancel(_ publishID: String, token: Secret) async throws(APIFailure) {
        let _: NoData = try await post(StatusBody(publishID: publishID), to: "/v2/post/publish/cancel/", token: token)
    }

    /// Fetches the status of a post.
    package func status(of publishID: String, token: Secret) async throws(APIFailure) -> PublishStatus {
        try await post(StatusBody(publishID: publishID), to: "/v2/post/publish/status/fetch/", token: token)
    }

    /// Fetches the user that the token belongs to.
    /// - Parameter fields: `username` needs the scope `user.info.profile`; the defaults only need `user.info.basic`.
    package func userInfo(
        fields: [String] = ["open_id", "display_name"], token: Secret
    ) async throws(APIFailure) -> UserInfo {
        let answer: UserAnswer = try await call(
            TransportRequest(
                method: "GET",
                url: configuration.apiBaseURL + "/v2/user/info/?fields=" + fields.joined(separator: ","),
                headers: [("Authorization", "Bearer \(token.reveal())")], timeout: configuration.requestTimeout))
        return answer.user
    }

    static let otherDialect = TransportFailure(
        .broken, requestBegun: false, detail: "the configured API dialect does not support this request")

    /// Sends `body` as JSON.
    func post<Answer: Decodable>(
        _ body: some Encodable, to path: String, token: Secret
    ) async throws(APIFailure) -> Answer {
        let json: Data
        do {
            json = try JSONEncoder().encode(body)
        } catch {
            throw .transport(
                TransportFailure(.broken, requestBegun: false, detail: "the request can't be encoded as JSON"))
        }
        return try await call(
            TransportRequest(
                method: "POST", url: configuration.apiBaseURL + path,
                headers: [
                    ("Authorization", "Bearer \(token.reveal())"), ("Content-Type", "application/json; charset=UTF-8"),
                ], body: .data(json), timeout: configuration.requestTimeout))
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
