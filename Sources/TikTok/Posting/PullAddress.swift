import Foundation
package import PipelineKit

/// The address of a video that TikTok fetches itself.
///
/// Content Posting API, media transfer guide: https, on a domain or below a prefix that the app has verified, no
/// redirect, and reachable for the whole download.
package enum PullAddress {
    /// What is wrong with `url` as an address to fetch from; nil when nothing is.
    /// - Parameter allowsLoopback: Whether the API is on this machine, so that the address may be.
    package static func problem(_ url: String, allowsLoopback: Bool) -> String? {
        // Characters on which address parsers disagree have no place in an address that is used verbatim.
        guard url.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "\\") }),
            let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
            let host = parts.host?.lowercased(), !host.isEmpty
        else { return "is no address" }
        guard parts.user == nil, parts.password == nil, parts.fragment == nil else {
            return "has a user or a fragment, which TikTok does not take"
        }
        if LoopbackHost.contains(host) {
            return allowsLoopback && (scheme == "http" || scheme == "https") ? nil : "is on this machine"
        }
        return scheme == "https" ? nil : "is not an https address"
    }

    /// The same as an error.
    package static func refusal(_ url: String, allowsLoopback: Bool) -> StageError? {
        problem(url, allowsLoopback: allowsLoopback).map { problem in
            StageError(
                .invalidOption, "the video's address \(shown(url)) \(problem)",
                hint: "correct \"publicURL\" of the export stage, or set \"source\" of the upload stage to file")
        }
    }

    /// An address as it may be shown: without what could be a secret.
    package static func shown(_ url: String) -> String {
        guard var parts = URLComponents(string: url) else { return "(not an address)" }
        parts.user = nil
        parts.password = nil
        if parts.query != nil { parts.query = "…" }
        return parts.string ?? "(not an address)"
    }

    /// Looks whether the file is there, as TikTok will find it: what is not would fail the post minutes later.
    /// - Throws: `StageError`.
    package static func check(
        _ url: String, bytes: Int64, _ transport: any Transport, _ configuration: TikTokConfiguration
    ) async throws(StageError) {
        if let problem = refusal(url, allowsLoopback: configuration.isLoopback) { throw problem }
        let response: TransportResponse
        do throws(TransportFailure) {
            response = try await transport.send(
                TransportRequest(method: "HEAD", url: url, timeout: configuration.requestTimeout))
        } catch {
            if error.kind == .cancelled { throw .cancelled }
            throw absent(url, "could not be reached (\(error.detail))")
        }
        switch response.status {
        case 200: break
        case 300...399:
            throw StageError(
                .invalidOption, "\(shown(url)) answers with a redirect, which TikTok does not follow",
                hint: "give the address that it leads to as \"publicURL\" of the export stage")
        default: throw absent(url, "answers HTTP \(response.status)")
        }
        if let length = response.headers["content-length"].flatMap(Int64.init), length != bytes {
            throw absent(url, "has \(length) bytes, and the prepared file has \(bytes)")
        }
    }

    /// The file may still be on its way to the web server.
    private static func absent(_ url: String, _ what: String) -> StageError {
        StageError(
            .unavailable, "\(shown(url)) \(what), so TikTok could not fetch the video from there",
            hint:
                "see that the exported folder is served at its \"publicURL\"; a file that was removed from it is written again with --no-cache",
            recovery: .transient(after: nil))
    }
}
