import Crypto
import Foundation

/// Proof that the one who exchanges a code is the one who asked for it, in TikTok's dialect.
package enum PKCE {
    /// Characters that a verifier may hold.
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    /// A fresh verifier of 64 characters.
    package static func verifier() -> String {
        var generator = SystemRandomNumberGenerator()
        return String((0..<64).map { _ in alphabet[Int.random(in: alphabet.indices, using: &generator)] })
    }

    /// The challenge of a verifier: lower-case **hex** of its SHA-256. RFC 7636 asks for base64url, which TikTok
    /// refuses when the code is exchanged.
    package static func challenge(_ verifier: String) -> String {
        SHA256.hash(data: Data(verifier.utf8)).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
