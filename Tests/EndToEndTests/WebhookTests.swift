import AsyncHTTPClient
import Crypto
import Foundation
import NIOCore
import NIOHTTP1
import PipelineKit
import Testing

extension EndToEnd {
    /// `serve` takes TikTok's webhooks for runs of other processes.
    @Suite(.serialized) struct WebhookTests {
        /// The program's web server.
        private struct Server {
            let program: Program
            let address: String
            let secret: String

            init(in place: Place, _ environment: [String: String]) async throws {
                program = try Program(["serve", "--port", "0"], in: place, environment: environment)
                secret = environment["TIKTOK_CLIENT_SECRET"] ?? ""
                var line: String?
                for _ in 0..<400 where line == nil {
                    try await Task.sleep(for: .milliseconds(25))
                    line = program.outputSoFar.split(separator: "\n").first.map(String.init)
                }
                address = String(try #require(line).dropFirst("listening on ".count))
            }

            /// Delivers an event as TikTok does.
            /// - Parameter age: Seconds since it happened; it is signed now all the same.
            func deliver(
                _ event: String, _ content: [String: Any], openID: String = "o", age: Int = 0
            ) async throws -> Int {
                let inner = String(decoding: try JSONSerialization.data(withJSONObject: content), as: UTF8.self)
                let now = Int(Date().timeIntervalSince1970)
                let body = try JSONSerialization.data(withJSONObject: [
                    "client_key": "ck", "event": event, "create_time": now - age, "user_openid": openID,
                    "content": inner,
                ])
                let code = HMAC<SHA256>.authenticationCode(
                    for: Data("\(now).".utf8) + body, using: SymmetricKey(data: Data(secret.utf8)))
                var request = HTTPClientRequest(url: address + "/webhook/tiktok")
                request.method = .POST
                request.headers.add(
                    name: "TikTok-Signature", value: "t=\(now),s=\(code.map { String(format: "%02x", $0) }.joined())")
                request.body = .bytes(ByteBuffer(bytes: body))
                return Int(try await HTTPClient.shared.execute(request, timeout: .seconds(10)).status.code)
            }

            func stop() async throws {
                program.signal(SIGTERM)
                #expect(try await program.end().status == 0)
            }
        }

        /// The publish id of the only post, once its bytes have arrived.
        private func arrival(_ sandbox: Sandbox) async throws -> String {
            for _ in 0..<600 {
                if let id = try await sandbox.posts().first?["publishId"]?.stringValue { return id }
                try await Task.sleep(for: .milliseconds(25))
            }
            throw StageError(.internalFault, "no bytes arrived")
        }

        @Test func aWaitingRunEndsByAWebhook() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            // Asked, the service would never say that it is done.
            try await sandbox.faults(#"{"settings": {"stuckStatus": "PROCESSING_UPLOAD"}}"#)
            let server = try await Server(in: place, sandbox.environment)
            let run = try Program(
                ["run", place.pipeline("tiktok"), "a.mp4", "--format", "json"], in: place,
                environment: sandbox.environment)
            let id = try await arrival(sandbox)
            for _ in 0..<2 {
                #expect(try await server.deliver("post.publish.complete", ["publish_id": id]) == 200)
            }
            let outcome = try await run.end()
            #expect(outcome.status == 0, "\(outcome.messages)")
            let published = try #require(try outcome.events().first { $0["event"] == "post.published" })
            #expect(published["publishId"]?.stringValue == id)
            // The public id comes later, when nobody waits any more.
            #expect(
                try await server.deliver("post.publish.publicly_available", ["publish_id": id, "post_id": 7]) == 200)
            let list = try await Program.run(
                ["posts", "list", "--format", "json"], in: place, environment: sandbox.environment)
            guard case .array(let posts) = try JSONDecoder().decode(JSONValue.self, from: Data(list.output.utf8)) else {
                Issue.record("\(list.output)")
                return
            }
            #expect(posts.first?["state"] == "published" && posts.first?["postIds"] == [7])
            try await server.stop()
        }

        /// The sandbox delivers as TikTok does, and worse.
        @Test(arguments: ["none", "duplicate", "reordered"]) func theSandboxsWebhooksReachTheLedger(fault: String)
            async throws
        {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            let server = try await Server(in: place, sandbox.environment)
            let settings =
                #"{"settings": {"accountPrivacy": "public", "processingSeconds": 0.2, "moderationSeconds": 0.3, "webhookURL": "\#(server.address)/webhook/tiktok", "webhookFault": "\#(fault)"}}"#
            try await sandbox.faults(settings)
            let run = try await Program.run(
                ["run", place.pipeline("tiktok"), "a.mp4", "--post", "privacyLevel=PUBLIC_TO_EVERYONE"], in: place,
                environment: sandbox.environment)
            #expect(run.status == 0, "\(run.messages)")
            // Nobody asks any more; the public id comes by webhook alone.
            var ids: JSONValue = []
            for _ in 0..<200 where ids == [] {
                let list = try await Program.run(
                    ["posts", "list", "--format", "json"], in: place, environment: sandbox.environment)
                if case .array(let posts) = try JSONDecoder().decode(JSONValue.self, from: Data(list.output.utf8)) {
                    ids = posts.first?["postIds"] ?? []
                }
            }
            #expect(ids != [])
            try await server.stop()
        }

        @Test(arguments: ["stale", "forged"]) func whatTheSandboxForgesIsNotBelieved(fault: String) async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            let server = try await Server(in: place, sandbox.environment)
            try await sandbox.faults(
                #"{"settings": {"processingSeconds": 0.2, "webhookURL": "\#(server.address)/webhook/tiktok", "webhookFault": "\#(fault)"}}"#
            )
            let run = try await Program.run(
                ["run", place.pipeline("tiktok"), "a.mp4"], in: place, environment: sandbox.environment)
            #expect(run.status == 0, "\(run.messages)")
            var deliveries: [JSONValue] = []
            for _ in 0..<200 where deliveries.isEmpty {
                deliveries = try await sandbox.webhooks()
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(deliveries.first?["status"] == 401)
            try await server.stop()
        }

        @Test func aConnectionThatTheCreatorEndedIsToldAsThat() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            let app = sandbox.environment.filter {
                !["TIKTOK_ACCESS_TOKEN", "TIKTOK_REFRESH_TOKEN"].contains($0.key)
            }
            let tokens = "TIKTOK_ACCESS_TOKEN=\(sandbox.environment["TIKTOK_ACCESS_TOKEN"] ?? "")"
            let imported = try await Program.run(
                ["auth", "import", "--stdin"], in: place, environment: app, input: tokens)
            #expect(imported.status == 0, "\(imported.messages)")
            let status = try await Program.run(["auth", "status", "--format", "json"], in: place, environment: app)
            let answer = try JSONDecoder().decode(JSONValue.self, from: Data(status.output.utf8))
            guard case .array(let accounts)? = answer["accounts"],
                let openID = accounts.first?["openId"]?.stringValue
            else {
                Issue.record("\(status.output)")
                return
            }
            let server = try await Server(in: place, app)
            #expect(try await server.deliver("authorization.removed", ["reason": 1], openID: "somebody else") == 200)
            // About the connection before this one, told late.
            #expect(try await server.deliver("authorization.removed", ["reason": 1], openID: openID, age: 3600) == 200)
            let words = ["run", place.pipeline("tiktok"), "a.mp4"]
            #expect(try await Program.run(words, in: place, environment: app).status == 0)
            #expect(try await server.deliver("authorization.removed", ["reason": 1], openID: openID) == 200)
            let refused = try await Program.run(words, in: place, environment: app)
            #expect(refused.status == 77)
            #expect(refused.messages.contains("the creator disconnected the app"), "\(refused.messages)")
            try await server.stop()
        }

        @Test func aFailureToldByAWebhookFailsTheRun() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            try await sandbox.faults(#"{"settings": {"stuckStatus": "PROCESSING_UPLOAD"}}"#)
            let server = try await Server(in: place, sandbox.environment)
            let run = try Program(
                ["run", place.pipeline("tiktok"), "a.mp4"], in: place, environment: sandbox.environment)
            let id = try await arrival(sandbox)
            #expect(
                try await server.deliver(
                    "post.publish.failed", ["publish_id": id, "reason": "spam_risk_text"]) == 200)
            let outcome = try await run.end()
            #expect(outcome.status == 65, "\(outcome.messages)")
            #expect(outcome.messages.contains("spam_risk_text"))
            try await server.stop()
        }
    }
}
