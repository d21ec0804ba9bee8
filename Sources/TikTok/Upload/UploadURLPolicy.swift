import Foundation
package import PipelineKit

/// Decides which upload URLs are allowed to receive the footage.
package enum UploadURLPolicy {
    private static let domains = ["tiktokapis.com", "tiktok.com"]

    /// Whether the service's upload URL is on a TikTok host, or on this machine for a loopback API.
    /// - Parameter apiIsLoopback: Whether the API is on this machine; only then may the URL be on this machine too.
    package static func allows(_ url: Secret, apiIsLoopback: Bool) -> Bool {
        let text = url.reveal()
        // The URL is used verbatim, so reject characters on which URL parsers disagree.
        guard text.utf8.count <= 2048, text.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "\\") }),
            let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            let host = parts.host?.lowercased(), parts.user == nil, parts.password == nil, parts.fragment == nil
        else { return false }
        if LoopbackHost.contains(host) { return apiIsLoopback && (scheme == "http" || scheme == "https") }
        return scheme == "https" && (parts.port == nil || parts.port == 443)
            && domains.contains { host == $0 || host.hasSuffix(".\($0)") }
    }
}
