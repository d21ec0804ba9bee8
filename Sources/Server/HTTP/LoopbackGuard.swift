import HTTPTypes
import Hummingbird
import PipelineKit

/// Rejects requests whose `Host` is not this machine. A foreign page can make a browser send requests to a loopback
/// port (DNS rebinding), but their `Host` is the foreign name.
struct LoopbackGuard<Context: Hummingbird.RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard let authority = request.head.authority, Self.isLoopback(authority) else {
            return NoticePage(
                title: "Wrong host", lines: ["This server only accepts requests for 127.0.0.1 or localhost."],
                isGood: false
            ).response(.misdirectedRequest)
        }
        return try await next(request, context)
    }

    private static func isLoopback(_ authority: String) -> Bool {
        let host = authority.split(separator: ":", maxSplits: 1).first.map { $0.lowercased() } ?? ""
        return host == "127.0.0.1" || host == "localhost"
    }
}
