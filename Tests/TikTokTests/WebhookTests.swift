import Foundation
import PipelineKit
import Testing

@testable import TikTok

@Suite struct WebhookTests {
    private let secret = Secret("sandbox-client-secret")
    private let body = Data(
        #"{"client_key":"ck_sandbox","event":"post.publish.complete","create_time":1770210873,"user_openid":"open-1","content":"{\"publish_id\":\"v_pub_file~v2-1.7600000000000000001\",\"publish_type\":\"DIRECT_PUBLISH\"}"}"#
            .utf8)
    private let header = "t=1770210873,s=fa63366f459f532ddccdbd35f5b1e11dc1a75213c591fe3ea0ff94fe285abb91"
    private let received = Date(timeIntervalSince1970: 1_770_210_900)

    private func refusal(_ header: String?, body: Data? = nil, secret: String? = nil, now: Date? = nil)
        -> WebhookSignature.Refusal?
    {
        do throws(WebhookSignature.Refusal) {
            try WebhookSignature.verify(
                header, body: body ?? self.body, secret: secret.map { Secret($0) } ?? self.secret, now: now ?? received,
                tolerance: .seconds(300))
            return nil
        } catch {
            return error
        }
    }

    @Test func theReferencesVectorIsBelieved() {
        #expect(body.count == 212)
        #expect(refusal(header) == nil)
        #expect(refusal("s=FA63366F459F532DDCCDBD35F5B1E11DC1A75213C591FE3EA0FF94FE285ABB91, t=1770210873") == nil)
    }

    @Test func whatIsForgedExpiredPostdatedOrMalformedIsNot() {
        #expect(refusal(nil) == .malformed)
        for header in ["", "t=1770210873", "s=ab", "t=x,s=ab", "t=-1,s=ab", String(repeating: "t=1,", count: 400)] {
            #expect(refusal(header) == .malformed, "\(header.prefix(20))")
        }
        #expect(refusal(header, body: body + Data(" ".utf8)) == .forged)
        #expect(refusal(header, secret: "other") == .forged)
        #expect(refusal(header.replacing("t=1770210873", with: "t=1770210874")) == .forged)
        #expect(refusal("t=1770210873,s=fa63") == .forged)
        #expect(refusal(header, now: received.addingTimeInterval(400)) == .expired)
        #expect(refusal(header, now: received.addingTimeInterval(-400)) == .postdated)
    }

    @Test func eventsAreReadAsTikTokWritesThem() throws {
        let complete = try #require(WebhookEvent(body: body))
        #expect(complete.kind == .published && complete.publishID == "v_pub_file~v2-1.7600000000000000001")
        #expect(complete.openID == "open-1" && complete.postID == nil)
        func event(_ name: String, _ content: String) -> WebhookEvent? {
            let object: [String: Any] = [
                "client_key": "ck", "event": name, "create_time": 5, "user_openid": "o", "content": content,
            ]
            return (try? JSONSerialization.data(withJSONObject: object)).flatMap { WebhookEvent(body: $0) }
        }
        #expect(
            event("post.publish.failed", #"{"publish_id":"p","reason":"spam_risk_text"}"#)?.kind
                == .failed(reason: "spam_risk_text"))
        for id in ["7654132326040947989", #""7654132326040947989""#] {
            let seen = event("post.publish.publicly_available", #"{"publish_id":"p","post_id":\#(id)}"#)
            #expect(seen?.kind == .publiclyAvailable && seen?.postID == 7_654_132_326_040_947_989)
        }
        #expect(
            event("authorization.removed", #"{"reason":1}"#)?.kind
                == .authorizationRemoved(because: "the creator disconnected the app"))
        #expect(event("portability.download.ready", "{}")?.kind == .other)
        #expect(event("post.publish.complete", "no json")?.publishID == nil)
        #expect(WebhookEvent(body: Data("[]".utf8)) == nil)
        // The same event, delivered twice, is one; another one is not.
        let first = event("post.publish.complete", #"{"publish_id":"p"}"#)
        #expect(
            first?.idempotencyKey
                == event("post.publish.complete", #"{"publish_id":"p","publish_type":"X"}"#)?.idempotencyKey)
        #expect(first?.idempotencyKey != event("post.publish.complete", #"{"publish_id":"q"}"#)?.idempotencyKey)
    }
}
