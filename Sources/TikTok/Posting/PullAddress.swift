import Foundation
package import PipelineKit

/// Validates the URL of a video that TikTok fetches.
///
/// TikTok's media transfer guide requires https, a domain or URL prefix that the app has verified, no redirects, and a
/// file that stays available for the whole download.
package enum PullAddress {
    /// Describes why TikTok can't fetch from `url`; nil if it can. The text follows the URL in a sentence.
    /// - Parameter allowsLoopback: Whether the API is on this machine, so that the URL may be on it too.
    package static func problem(_ url: String, allowsLoopback: Bool) -> String? {
        // The URL is used verbatim, so reject characters on which URL parsers disagree.
        guard url.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "\\") }),
            let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
            let host = parts.host?.lowercased(), !host.isEmpty
        else { return "is not a valid URL" }
        guard parts.user == nil, parts.password == nil, parts.fragment == nil else {
            return "has a user or a fragment, which TikTok does not accept"
        }
        if LoopbackHost.contains(host) {
            return allowsLoopback && (scheme == "http" || scheme == "https") ? nil : "is on this machine"
        }
        return scheme == "https" ? nil : "is not an https URL"
    }

    /// The same check as ``problem(_:allowsLoopback:)``, as an error for the user.
    package static func refusal(_ url: String, allowsLoopback: Bool) -> StageError? {
        problem(url, allowsLoopback: allowsLoopback).map { problem in
            StageError(
                .invalidOption, "the video's URL \(shown(url)) \(problem)",
                hint: "correct \"publicURL\" of the export stage, or set \"source\" of the upload stage to file")
        }
    }

    /// The URL for messages and logs, without user, password and query, which may contain secrets.
    package static func shown(_ url: String) -> String {
        guard var parts = URLComponents(string: url) else { return "(invalid URL)" }
        parts.user = nil
        parts.password = nil
        if parts.query != nil { parts.query = "…" }
        return parts.string ?? "(invalid URL)"
    }

    /// Checks with a HEAD request that the file is available at `url` and has `bytes` bytes. TikTok would report a
    /// missing file only minutes later.
    /// - Throws: `StageError`; it is transient if the file may still appear.
    package static func check(
        _ url: String, bytes: Int64, over transport: any Transport, configuration: TikTokConfiguration
    ) async throws(StageError) {
        if let problem = refusal(url, allowsLoopback: configuration.isLoopback) { throw problem }
        let response: TransportResponse
        do throws(TransportFailure) {
            response = try await transport.send(
                TransportRequest(method: "HEAD", url: url, timeout: configuration.requestTimeout))
        } catch {
            if error.kind == .cancelled { throw .cancelled }
            throw absent(url, because: "could not be reached (\(error.detail))")
        }
        switch response.status {
        case 200: break
        case 300...399:
            throw StageError(
                .invalidOption, "\(shown(url)) redirects, which TikTok does not follow",
                hint: "set \"publicURL\" of the export stage to the target of the redirect")
        default: throw absent(url, because: "returns HTTP \(response.status)")
        }
        if let length = response.headers["content-length"].flatMap(Int64.init), length != bytes {
            throw absent(url, because: "has \(length) bytes, but the prepared file has \(bytes)")
        }
    }

    /// A transient error, because the file may not have reached the web server yet.
    private static func absent(_ url: String, because reason: String) -> StageError {
        StageError(
            .unavailable, "\(shown(url)) \(reason), so TikTok could not fetch the video from there",
            hint:
                "check that the web server serves the exported folder at its \"publicURL\"; run with --no-cache to export a removed file again",
            recovery: .transient(after: nil))
    }
}
