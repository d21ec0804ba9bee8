import Foundation
package import PipelineKit

/// The address of TikTok's API, and the timeouts, intervals and quota for using it.
package struct TikTokConfiguration: Sendable, Hashable {
    /// The setting for the API's base URL.
    package static let baseURLSetting = "TIKTOK_API_BASE_URL"
    /// The setting for the consent page's URL.
    package static let authorizeURLSetting = "TIKTOK_AUTHORIZE_URL"
    /// The setting for the app's daily number of uploads.
    package static let uploadsPerDaySetting = "TIKTOK_UPLOADS_PER_DAY"
    /// The setting for the API dialect.
    package static let dialectSetting = "TIKTOK_API"

    /// The scheme, host and port of the API, without a trailing slash.
    package var apiBaseURL: String
    /// The URL of the page on which a creator authorises the app.
    package var authorizeURL: String
    package var dialect = Dialect.v2
    /// Whether the API is on this machine, like the sandbox.
    package var isLoopback: Bool
    /// The time limit for an API call, from connecting to the last byte of the response.
    package var requestTimeout: Duration
    /// The maximum idle time of a connection. It limits how long the upload host may take to respond to a chunk.
    package var uploadSilence: Duration
    /// The intervals between status calls for a post.
    package var pollSchedule: PollSchedule
    /// The maximum number of uploads in 24 hours for the whole app.
    package var uploadsPerDay: Int

    /// The configuration for TikTok's production API.
    package static let live = TikTokConfiguration(apiBaseURL: "https://open.tiktokapis.com", isLoopback: false)

    private init(apiBaseURL: String, isLoopback: Bool) {
        self.apiBaseURL = apiBaseURL
        self.isLoopback = isLoopback
        authorizeURL = "https://www.tiktok.com/v2/auth/authorize/"
        requestTimeout = .seconds(60)
        uploadSilence = .seconds(120)
        // A sandbox on this machine finishes a post within seconds; TikTok takes half a minute or longer.
        pollSchedule = isLoopback ? .brisk : .standard
        uploadsPerDay = 100
    }

    /// Reads the configuration from the host's settings.
    /// - Parameter settings: Values by environment name; missing or empty ones take their defaults.
    /// - Throws: `StageError` with code `configuration` that names the invalid setting.
    package init(settings: [String: String]) throws(StageError) {
        if let text = settings[Self.baseURLSetting], !text.isEmpty {
            guard let (base, isLoopback) = Self.base(text) else {
                throw StageError(
                    .configuration,
                    "\(Self.baseURLSetting) must be an https URL without path, query or user, such as \(Self.live.apiBaseURL)",
                    hint: "http is only allowed for this machine, such as http://127.0.0.1:8080")
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
                    hint: "unset \(Self.dialectSetting) to use TikTok's own API")
            }
            self.dialect = dialect
        }
        if let text = settings[Self.authorizeURLSetting], !text.isEmpty {
            guard Self.isPage(text) else {
                throw StageError(
                    .configuration,
                    "\(Self.authorizeURLSetting) must be an https URL without query or user, such as \(Self.live.authorizeURL)",
                    hint: "http is only allowed for this machine")
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

    /// Whether `text` is a safe URL for the consent page: the login adds secrets to its query.
    private static func isPage(_ text: String) -> Bool {
        guard let parts = URLComponents(string: text), let host = parts.host?.lowercased(), !host.isEmpty,
            parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil
        else { return false }
        let scheme = parts.scheme?.lowercased()
        return scheme == "https" || (scheme == "http" && LoopbackHost.contains(host))
    }

    /// Returns the normalised base URL, or nil if sending tokens to it is not allowed.
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
