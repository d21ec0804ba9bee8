import Foundation
import HTTPTypes
import Hummingbird

/// The feed page and the videos and images on it.
struct PageRoutes {
    let engine: SandboxEngine
    let feed: FeedPage

    func add(to router: Router<SandboxContext>) {
        router.get("/") { _, _ in
            let nonce = Identifiers.secret(24)
            return EndpointResponse.page(feed.render(await engine.feed(), nonce: nonce), nonce: nonce)
        }
        router.get("/_sandbox/avatar.svg") { _, _ in
            var response = EndpointResponse(status: 200, body: Data(Self.avatar.utf8))
            response.headers[.contentType] = "image/svg+xml"
            return response
        }
        for method in [HTTPRequest.Method.get, .head] {
            router.on("/_sandbox/media/:id", method: method) { request, context in
                guard let id = context.parameters.get("id")?.removingPercentEncoding,
                    let video = await engine.video(of: id)
                else {
                    return EndpointResponse.text("no such video\n", status: 404).response
                }
                return try video.response(to: request)
            }
        }
    }

    private static let avatar = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" role="img" aria-label="Sandbox">\
        <defs><linearGradient id="g" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#ff5c83"/>\
        <stop offset="1" stop-color="#6a3df0"/></linearGradient></defs><rect width="64" height="64" rx="32" fill="url(#g)"/>\
        <path d="M25 19v26l21-13z" fill="#fff"/></svg>
        """
}
