import Crypto
import Foundation

/// SHA-256 of small pieces of text, for keys.
package enum ContentDigest {
    /// Lower-case hex of the text's UTF-8.
    package static func sha256(_ text: String) -> String {
        SHA256.hash(data: Data(text.utf8)).map { String(format: "%02x", $0) }.joined()
    }
}
