package import Foundation
import HTTPTypes
package import Hummingbird
import NIOCore
package import PipelineKit
package import TikTok

/// Receives TikTok's webhooks at `POST /webhook/tiktok`.
///
/// It verifies the signature of the raw body before parsing it, and responds once the event is on disk. TikTok repeats
/// deliveries for three days until the response is 200.
package struct WebhookController: Sendable {
    /// The settings and services that the controller uses.
    package struct Host: Sendable {
        /// The app's secret, which signs webhooks.
        package var secret: Secret
        /// How far the signing time may differ from now.
        package var tolerance: Duration
        package var now: @Sendable () -> Date
        /// Stores an event, which may be a repeated delivery.
        package var take: @Sendable (WebhookEvent) async throws(StageError) -> Void

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

    /// The maximum size of a body in bytes.
    private static let longestBody = 64_000
    private let host: Host

    package init(_ host: Host) { self.host = host }

    package func add<Context: Hummingbird.RequestContext>(to router: Router<Context>) {
        router.post("/webhook/tiktok") { request, _ in await receive(request) }
    }

    private func receive(_ request: Request) async -> Response {
        let body: Data
        do {
            var buffer = try await request.body.collect(upTo: Self.longestBody)
            body = Data(buffer.readBytes(length: buffer.readableBytes) ?? [])
        } catch {
            return Self.answer(.contentTooLarge, "the body is too long or incomplete")
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
        // The body is signed but not a readable event. Respond with 200, because a repeated delivery would not help.
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
