import Crypto
import Foundation
import PipelineKit

/// A signed cookie that ties a login to the browser that started it: the callback only accepts an answer from that
/// browser. It is not secret, because the URL also contains the state.
struct LoginCookie: Sendable, Equatable {
    static let name = "spreader_login"
    /// The maximum duration of a login, in seconds.
    static let lifetime: TimeInterval = 600

    /// The state of the ``LoginRequest``.
    var state: String
    /// The name of the account to connect.
    var account: String
    /// When the cookie expires.
    var expiresAt: Date

    /// Returns the value of the cookie: hex fields and their HMAC, separated by dots.
    func signed(with key: SymmetricKey) -> String {
        let payload = [
            state.utf8.lowercaseHex, account.utf8.lowercaseHex, String(Int64(expiresAt.timeIntervalSince1970)),
        ].joined(separator: ".")
        let code = HMAC<SHA256>.authenticationCode(for: Data(payload.utf8), using: key)
        return payload + "." + code.lowercaseHex
    }

    /// Parses a value. Returns nil if it is malformed, has expired, or was not signed with this key.
    init?(_ value: String, key: SymmetricKey, at now: Date) {
        let parts = value.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, let code = Data(hex: parts[3]), let state = Data(hex: parts[0]),
            let account = Data(hex: parts[1]), let seconds = Int64(parts[2])
        else { return nil }
        let payload = parts[0..<3].joined(separator: ".")
        guard
            HMAC<SHA256>.isValidAuthenticationCode(
                code, authenticating: Data(payload.utf8), using: key)
        else { return nil }
        self.state = String(decoding: state, as: UTF8.self)
        self.account = String(decoding: account, as: UTF8.self)
        expiresAt = Date(timeIntervalSince1970: Double(seconds))
        guard now < expiresAt else { return nil }
    }

    /// Creates a cookie for a login that starts now.
    init(state: String, account: String, at now: Date) {
        self.state = state
        self.account = account
        expiresAt = Date(timeIntervalSince1970: (now.timeIntervalSince1970 + Self.lifetime).rounded(.down))
    }
}
