import HTTPTypes
import Hummingbird
import PluginProtocol

/// Lets only requests through that name this machine: a foreign page can make a browser send requests to a loopback
/// port, but not with this machine's name as `Host`.
struct LoopbackGuard<Context: Hummingbird.RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard let authority = request.head.authority, Self.isLoopback(authority) else {
            return NoticePage(
                title: "Not here", lines: ["This server answers on the loopback address only."], isGood: false
            ).response(.misdirectedRequest)
        }
        return try await next(request, context)
    }

    private static func isLoopback(_ authority: String) -> Bool {
        let host = authority.split(separator: ":", maxSplits: 1).first.map { $0.lowercased() } ?? ""
        return host == "127.0.0.1" || host == "localhost"
    }
}
