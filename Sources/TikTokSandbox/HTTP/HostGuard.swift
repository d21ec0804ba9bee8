import Foundation
import HTTPTypes
import Hummingbird

/// Rejects requests that do not address the loopback interface or come from another site.
///
/// Any web page can make the user's browser send requests to a loopback port. The `Host` check stops DNS rebinding, the
/// `Origin` check stops cross-site forms, and without CORS headers scripts cannot read responses.
struct HostGuard: RouterMiddleware {
    typealias Context = SandboxContext

    func handle(
        _ request: Request, context: SandboxContext, next: (Request, SandboxContext) async throws -> Response
    ) async throws -> Response {
        guard let authority = request.head.authority, Self.isLoopback(authority) else {
            return EndpointResponse.text("this server only answers on the loopback address\n", status: 421).response
        }
        if request.method != .get, request.method != .head, let origin = request.headers[.origin] {
            guard let separator = origin.range(of: "://"), Self.isLoopback(String(origin[separator.upperBound...]))
            else {
                return EndpointResponse.text("requests from other sites are not accepted\n", status: 403).response
            }
        }
        return try await next(request, context)
    }

    /// Whether `host` or `host:port` is a loopback address.
    static func isLoopback(_ authority: String) -> Bool {
        if authority.hasPrefix("[::1]") {
            return authority.dropFirst(5).isEmpty || authority.dropFirst(5).hasPrefix(":")
        }
        let host =
            authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).first.map(String.init) ?? ""
        return host == "127.0.0.1" || host.lowercased() == "localhost"
    }
}
