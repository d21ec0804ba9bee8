import Foundation
package import PipelineKit

/// TikTok's v2 API, one method a call. Knows shapes, not policy: it neither retries nor waits.
package struct TikTokClient: PostingAPI {
    let configuration: TikTokConfiguration
    private let transport: any Transport

    /// A client.
    package init(_ configuration: TikTokConfiguration, transport: any Transport) {
        self.configuration = configuration
        self.transport = transport
    }

    /// What the creator may post now.
    package func creatorInfo(_ token: Secret) async throws(APIFailure) -> CreatorInfo {
        try await post("/v2/post/publish/creator_info/query/", Data("{}".utf8), token)
    }

    /// Creates a post: published as soon as its last byte arrived, or a draft when it carries no settings. Not
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
            // Whatever stands there, nothing is to be sent.
            return AcceptedPost(publishID: accepted.publishID, uploadURL: nil)
        }
        if accepted.uploadURL == nil {
            throw .unintelligible(status: 200, detail: "an answer without an upload address", retryAfter: nil)
        }
        return accepted
    }

    /// Asks for a pull that is still under way to be given up.
    package func cancel(_ publishID: String, _ token: Secret) async throws(APIFailure) {
        let _: NoData = try await post("/v2/post/publish/cancel/", encode(StatusBody(publishID: publishID)), token)
    }

    /// How a post stands.
    package func status(of publishID: String, _ token: Secret) async throws(APIFailure) -> PublishStatus {
        try await post("/v2/post/publish/status/fetch/", encode(StatusBody(publishID: publishID)), token)
    }

    /// Who the token belongs to.
    /// - Parameter fields: `username` needs the scope `user.info.profile`; the default needs `user.info.basic` alone.
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
        .broken, requestBegun: false, detail: "the request belongs to the other dialect")

    func encode(_ body: some Encodable) throws(APIFailure) -> Data {
        do {
            return try JSONEncoder().encode(body)
        } catch {
            throw .transport(TransportFailure(.broken, requestBegun: false, detail: "the request has no JSON form"))
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
