import Foundation
package import PipelineKit

/// Which addresses the footage may be sent to.
package enum UploadURLPolicy {
    private static let domains = ["tiktokapis.com", "tiktok.com"]

    /// Whether `url`, which the service gave, is one that bytes may go to.
    /// - Parameter apiIsLoopback: Whether the API that gave it is on this machine; only then may the address be.
    package static func allows(_ url: Secret, apiIsLoopback: Bool) -> Bool {
        let text = url.reveal()
        // Characters on which address parsers disagree have no place in an address that is used verbatim.
        guard text.utf8.count <= 2048, text.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "\\") }),
            let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            let host = parts.host?.lowercased(), parts.user == nil, parts.password == nil, parts.fragment == nil
        else { return false }
        if LoopbackHost.contains(host) { return apiIsLoopback && (scheme == "http" || scheme == "https") }
        return scheme == "https" && (parts.port == nil || parts.port == 443)
            && domains.contains { host == $0 || host.hasSuffix(".\($0)") }
    }
}
