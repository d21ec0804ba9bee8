import Crypto
import Foundation

/// What a browser carries from the login button to the callback, so that an answer counts only in the browser that
/// asked. Signed, not secret: the state is in the address too.
struct LoginCookie: Sendable, Equatable {
    /// The cookie's name.
    static let name = "spreader_login"
    /// How long a login may take, in seconds.
    static let lifetime: TimeInterval = 600

    /// The login's state.
    var state: String
    /// Which account the login is for.
    var account: String
    /// When it stops being valid.
    var expiresAt: Date

    /// The cookie's value.
    func signed(with key: SymmetricKey) -> String {
        let payload = [
            Self.hex(Array(state.utf8)), Self.hex(Array(account.utf8)), String(Int64(expiresAt.timeIntervalSince1970)),
        ].joined(separator: ".")
        let code = HMAC<SHA256>.authenticationCode(for: Data(payload.utf8), using: key)
        return payload + "." + Self.hex(Array(code))
    }

    /// Reads a value; nil when it was not signed with this key, or is too old.
    init?(_ value: String, key: SymmetricKey, at now: Date) {
        let parts = value.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, let code = Self.bytes(parts[3]), let mark = Self.bytes(parts[0]),
            let name = Self.bytes(parts[1]), let seconds = Int64(parts[2])
        else { return nil }
        let payload = parts[0..<3].joined(separator: ".")
        guard
            HMAC<SHA256>.isValidAuthenticationCode(
                Data(code), authenticating: Data(payload.utf8), using: key)
        else { return nil }
        state = String(decoding: mark, as: UTF8.self)
        account = String(decoding: name, as: UTF8.self)
        expiresAt = Date(timeIntervalSince1970: Double(seconds))
        guard now < expiresAt else { return nil }
    }

    /// A cookie for a login that begins now.
    init(state: String, account: String, at now: Date) {
        self.state = state
        self.account = account
        expiresAt = Date(timeIntervalSince1970: (now.timeIntervalSince1970 + Self.lifetime).rounded(.down))
    }

    private static func hex(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }

    private static func bytes(_ hex: Substring) -> [UInt8]? {
        guard hex.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        var rest = hex
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}
