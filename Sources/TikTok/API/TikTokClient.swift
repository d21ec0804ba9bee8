import Foundation
package import PipelineKit

/// TikTok's v2 API, one method a call. Knows shapes, not policy: it neither retries nor waits.
package struct TikTokClient: Sendable {
    private let configuration: TikTokConfiguration
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

    /// Creates a post that is published as soon as its last byte arrived. Not idempotent.
    package func initDirectPost(_ info: PostInfo, _ plan: ChunkPlan, _ token: Secret) async throws(APIFailure)
        -> AcceptedPost
    {
        try await post(
            "/v2/post/publish/video/init/", encode(DirectPostBody(postInfo: info, sourceInfo: SourceInfo(plan))), token)
    }

    /// Creates a draft for the creator's inbox. Not idempotent.
    package func initInboxDraft(_ plan: ChunkPlan, _ token: Secret) async throws(APIFailure) -> AcceptedPost {
        try await post(
            "/v2/post/publish/inbox/video/init/", encode(InboxDraftBody(sourceInfo: SourceInfo(plan))), token)
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

    private func encode(_ body: some Encodable) throws(APIFailure) -> Data {
        do {
            return try JSONEncoder().encode(body)
        } catch {
            throw .transport(TransportFailure(.broken, requestBegun: false, detail: "the request has no JSON form"))
        }
    }

    private func post<Answer: Decodable>(_ path: String, _ body: Data, _ token: Secret) async throws(APIFailure)
        -> Answer
    {
        try await call(
            TransportRequest(
                method: "POST", url: configuration.apiBaseURL + path,
                headers: [
                    ("Authorization", "Bearer \(token.reveal())"), ("Content-Type", "application/json; charset=UTF-8"),
                ], body: .data(body), timeout: configuration.requestTimeout))
    }

    private func call<Answer: Decodable>(_ request: TransportRequest) async throws(APIFailure) -> Answer {
        let response: TransportResponse
        do throws(TransportFailure) {
            response = try await transport.send(request)
        } catch {
            throw .transport(error)
        }
        return try Envelope.parse(response, as: Answer.self)
    }
}
