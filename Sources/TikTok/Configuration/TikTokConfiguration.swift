import Foundation
package import PipelineKit

/// Where TikTok's API is and how patiently it is asked.
package struct TikTokConfiguration: Sendable, Hashable {
    /// The setting that names the API's address.
    package static let baseURLSetting = "TIKTOK_API_BASE_URL"
    /// The setting that names the consent page.
    package static let authorizeURLSetting = "TIKTOK_AUTHORIZE_URL"
    /// The setting for the app's uploads a day.
    package static let uploadsPerDaySetting = "TIKTOK_UPLOADS_PER_DAY"
    /// The setting that chooses the dialect.
    package static let dialectSetting = "TIKTOK_API"

    /// Scheme, host and port of the API, without a slash at the end.
    package var apiBaseURL: String
    /// The consent page that a creator's browser is sent to.
    package var authorizeURL: String
    /// Which API is spoken.
    package var dialect = Dialect.v2
    /// Whether the API is on this machine, as the sandbox is.
    package var isLoopback: Bool
    /// How long an API call may take from connecting to the last byte of the answer.
    package var requestTimeout: Duration
    /// How long the upload host may stay silent after it has a chunk's last byte.
    package var uploadSilence: Duration
    /// When the status of a post is asked for.
    package var pollSchedule: PollSchedule
    /// Uploads in 24 hours that the app allows itself.
    package var uploadsPerDay: Int

    /// TikTok itself.
    package static let live = TikTokConfiguration(apiBaseURL: "https://open.tiktokapis.com", isLoopback: false)

    private init(apiBaseURL: String, isLoopback: Bool) {
        self.apiBaseURL = apiBaseURL
        self.isLoopback = isLoopback
        authorizeURL = "https://www.tiktok.com/v2/auth/authorize/"
        requestTimeout = .seconds(60)
        uploadSilence = .seconds(120)
        // A sandbox on this machine ends a post within seconds; TikTok takes half a minute and more.
        pollSchedule = isLoopback ? .brisk : .standard
        uploadsPerDay = 100
    }

    /// The configuration that the host's settings give.
    /// - Parameter settings: By environment name; what is missing or empty takes its default.
    /// - Throws: `StageError` with code `configuration` that names the setting.
    package init(settings: [String: String]) throws(StageError) {
        if let text = settings[Self.baseURLSetting], !text.isEmpty {
            guard let (base, isLoopback) = Self.base(text) else {
                throw StageError(
                    .configuration,
                    "\(Self.baseURLSetting) must be an https address without path, query or user, such as \(Self.live.apiBaseURL)",
                    hint: "http is allowed for this machine alone, such as http://127.0.0.1:8080")
            }
            self.init(apiBaseURL: base, isLoopback: isLoopback)
        } else {
            self = .live
        }
        if let text = settings[Self.dialectSetting], !text.isEmpty {
            guard let dialect = Dialect(rawValue: text) else {
                let names = Dialect.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
                throw StageError(
                    .configuration, "\(Self.dialectSetting) must be \(names), not \"\(text)\"",
                    hint: "unset \(Self.dialectSetting) for TikTok's own API")
            }
            self.dialect = dialect
        }
        if let text = settings[Self.authorizeURLSetting], !text.isEmpty {
            guard Self.isPage(text) else {
                throw StageError(
                    .configuration,
                    "\(Self.authorizeURLSetting) must be an https address without query or user, such as \(Self.live.authorizeURL)",
                    hint: "http is allowed for this machine alone")
            }
            authorizeURL = text
        }
        if let text = settings[Self.uploadsPerDaySetting], !text.isEmpty {
            guard let count = Int(text), count > 0 else {
                throw StageError(
                    .configuration, "\(Self.uploadsPerDaySetting) must be a whole number above 0, not \"\(text)\"")
            }
            uploadsPerDay = count
        }
    }

    /// Whether a browser may be sent to an address with a login's secrets in its query.
    private static func isPage(_ text: String) -> Bool {
        guard let parts = URLComponents(string: text), let host = parts.host?.lowercased(), !host.isEmpty,
            parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil
        else { return false }
        let scheme = parts.scheme?.lowercased()
        return scheme == "https" || (scheme == "http" && LoopbackHost.contains(host))
    }

    /// The normalised base, or nil when it is not one that tokens may be sent to.
    private static func base(_ text: String) -> (base: String, isLoopback: Bool)? {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            let host = parts.host?.lowercased(), !host.isEmpty, parts.user == nil, parts.password == nil,
            parts.query == nil, parts.fragment == nil, parts.path.isEmpty || parts.path == "/"
        else { return nil }
        let isLoopback = LoopbackHost.contains(host)
        guard scheme == "https" || (scheme == "http" && isLoopback) else { return nil }
        let name = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
        return ("\(scheme)://\(name)\(parts.port.map { ":\($0)" } ?? "")", isLoopback)
    }
}

/// Hosts that never leave this machine.
enum LoopbackHost {
    /// Whether `host`, in lower case and with or without brackets, is this machine.
    static func contains(_ host: String) -> Bool {
        let name = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        if name == "localhost" || name == "::1" { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
