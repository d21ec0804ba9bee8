import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Delivers events to a client's callback, signed like TikTok's.
struct WebhookSender: Sendable {
    private static let pollInterval = Duration.milliseconds(100)
    let engine: SandboxEngine

    /// Delivers events until the task is cancelled.
    func run() async {
        // Skip events from before this start.
        _ = await engine.dueDeliveries()
        while (try? await Task.sleep(for: Self.pollInterval)) != nil {
            for delivery in await engine.dueDeliveries() {
                await engine.delivered(delivery, status: await send(delivery.event))
            }
        }
    }

    /// Sends an event once, without retries.
    /// - Returns: The HTTP status of the response; nil if there was none.
    private func send(_ event: WebhookEvent) async -> Int? {
        let settings = engine.settings
        guard let address = settings.webhookURL, let app = try? await engine.app else { return nil }
        let body = event.body(clientKey: app.clientKey)
        let age: Int64 = settings.webhookFault == .stale ? 86_400 : 0
        let secret = settings.webhookFault == .forged ? "not the app's secret" : app.clientSecret
        let signature = WebhookEvent.signature(
            of: body, secret: secret, at: Int64(Date().timeIntervalSince1970) - age)
        var request = HTTPClientRequest(url: address)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "TikTok-Signature", value: signature)
        request.body = .bytes(ByteBuffer(bytes: body))
        let response = try? await HTTPClient.shared.execute(request, timeout: .seconds(10))
        return response.map { Int($0.status.code) }
    }
}
