package import Foundation
import HTTPTypes
package import Hummingbird
import NIOCore
package import PipelineKit
package import PluginProtocol
package import TikTok

/// Takes TikTok's webhooks: `POST /webhook/tiktok`.
///
/// The signature is checked over the raw body before anything of it is read. The answer comes as soon as the event is on
/// disk; whatever is not answered with 200 is delivered again for three days.
package struct WebhookController: Sendable {
    /// What the controller needs of the rest.
    package struct Host: Sendable {
        /// The app's secret, which signs webhooks.
        package var secret: Secret
        /// How far the time of signing may lie from now.
        package var tolerance: Duration
        /// Time.
        package var now: @Sendable () -> Date
        /// Takes in an event, which may have been delivered before.
        package var take: @Sendable (WebhookEvent) async throws(StageError) -> Void

        /// A host; see the properties.
        package init(
            secret: Secret, tolerance: Duration, now: @escaping @Sendable () -> Date,
            take: @escaping @Sendable (WebhookEvent) async throws(StageError) -> Void
        ) {
            self.secret = secret
            self.tolerance = tolerance
            self.now = now
            self.take = take
        }
    }

    /// The longest body that is read.
    private static let longestBody = 64_000
    private let host: Host

    /// A controller.
    package init(_ host: Host) { self.host = host }

    /// Adds the route.
    package func add<Context: Hummingbird.RequestContext>(to router: Router<Context>) {
        router.post("/webhook/tiktok") { request, _ in await receive(request) }
    }

    private func receive(_ request: Request) async -> Response {
        let body: Data
        do {
            var buffer = try await request.body.collect(upTo: Self.longestBody)
            body = Data(buffer.readBytes(length: buffer.readableBytes) ?? [])
        } catch {
            return Self.answer(.contentTooLarge, "the body is too long or broke off")
        }
        do throws(WebhookSignature.Refusal) {
            try WebhookSignature.verify(
                HTTPField.Name(WebhookSignature.header).flatMap { request.headers[$0] }, body: body,
                secret: host.secret, now: host.now(), tolerance: host.tolerance)
        } catch {
            switch error {
            case .malformed:
                return Self.answer(.unauthorized, "the \(WebhookSignature.header) header is missing or malformed")
            case .forged: return Self.answer(.unauthorized, "the signature is not this app's")
            case .stale: return Self.answer(.unauthorized, "the signature is too old")
            }
        }
        // Signed by TikTok, but no event that this program reads: delivering it again would not help.
        guard let event = WebhookEvent(body: body) else { return Self.answer(.ok, "ignored") }
        do throws(StageError) {
            try await host.take(event)
            return Self.answer(.ok, "ok")
        } catch {
            return Self.answer(.serviceUnavailable, "try again")
        }
    }

    private static func answer(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text + "\n")))
    }
}
