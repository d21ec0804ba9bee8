import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import PipelineKit
import Server
import Synchronization
import Testing
import TikTok

@Suite struct WebhookControllerTests {
    private final class App: Sendable {
        let taken = Mutex<[WebhookEvent]>([])
        let failure: StageError?

        init(failing failure: StageError? = nil) { self.failure = failure }

        func client(_ body: @escaping @Sendable (any TestClientProtocol) async throws -> Void) async throws {
            let router = Router()
            WebhookController(
                WebhookController.Host(
                    secret: Secret("cs"), tolerance: .seconds(300), now: { Date(timeIntervalSince1970: 1000) },
                    take: { (event) throws(StageError) in
                        if let failure = self.failure { throw failure }
                        self.taken.withLock { $0.append(event) }
                    })
            ).add(to: router)
            try await Application(router: router).test(.router, body)
        }
    }

    private static func post(
        _ body: String, time: Int = 1000, secret: String = "cs", signed: Bool = true, _ client: any TestClientProtocol
    ) async throws -> (status: Int, text: String) {
        let code = HMAC<SHA256>.authenticationCode(
            for: Data("\(time).\(body)".utf8), using: SymmetricKey(data: Data(secret.utf8)))
        let header = "t=\(time),s=\(code.map { String(format: "%02x", $0) }.joined())"
        let name = try #require(HTTPField.Name("tiktok-signature"))
        let response = try await client.execute(
            uri: "/webhook/tiktok", method: .post, headers: signed ? [name: header] : [:],
            body: ByteBuffer(string: body))
        return (response.status.code, String(buffer: response.body))
    }

    private static let event =
        #"{"client_key":"ck","event":"post.publish.complete","create_time":9,"user_openid":"o","content":"{\"publish_id\":\"p\"}"}"#

    @Test func onlyWhatTikTokSignedIsTaken() async throws {
        let app = App()
        try await app.client { client in
            var statuses = [try await Self.post(Self.event, client).status]
            statuses.append(try await Self.post(Self.event, secret: "other", client).status)
            statuses.append(try await Self.post(Self.event, signed: false, client).status)
            statuses.append(try await Self.post(Self.event, time: 500, client).status)
            statuses.append(try await Self.post("not json", client).status)
            statuses.append(try await Self.post(String(repeating: " ", count: 70_000), client).status)
            #expect(statuses == [200, 401, 401, 401, 200, 413])
        }
        #expect(app.taken.withLock { $0.map(\.publishID) } == ["p"])
    }

    @Test func saysOnWhichSideOfNowTheSignatureIs() async throws {
        try await App().client { client in
            let old = try await Self.post(Self.event, time: 500, client)
            #expect(old == (401, "the signature is too old\n"))
            let early = try await Self.post(Self.event, time: 1500, client)
            #expect(early == (401, "the signature is dated in the future\n"))
        }
    }

    @Test func whatCannotBeKeptIsAskedForAgain() async throws {
        let app = App(failing: StageError(.internalFault, "the disk is full"))
        try await app.client { client in
            let status = try await Self.post(Self.event, client).status
            #expect(status == 503)
        }
    }
}
