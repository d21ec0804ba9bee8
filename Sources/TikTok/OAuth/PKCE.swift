import Crypto
import Foundation
import PipelineKit

/// TikTok's variant of PKCE, which proves that the program that exchanges a code also requested it.
package enum PKCE {
    /// The characters allowed in a verifier (RFC 7636).
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    /// Returns a random verifier of 64 characters.
    package static func verifier() -> String {
        var generator = SystemRandomNumberGenerator()
        return String((0..<64).map { _ in alphabet[Int.random(in: alphabet.indices, using: &generator)] })
    }

    /// Returns the challenge for a verifier: its SHA-256 in lower-case **hex**. RFC 7636 specifies base64url, which
    /// TikTok rejects at the exchange.
    package static func challenge(_ verifier: String) -> String {
        SHA256.hash(data: Data(verifier.utf8)).lowercaseHex
    }
}
