import Crypto
import Foundation

/// SHA-256 of small pieces of text, for keys.
package enum ContentDigest {
    /// Lower-case hex of the text's UTF-8.
    package static func sha256(_ text: String) -> String {
        sha256(Data(text.utf8))
    }

    /// Lower-case hex of the digest of a file's content; reads all of it on the calling thread.
    /// - Throws: `CocoaError` when it can't be read.
    package static func sha256(ofFile path: String) throws -> String {
        sha256(try Data(contentsOf: URL(filePath: path), options: .alwaysMapped))
    }

    /// Lower-case hex of the digest of `data`.
    static func sha256(_ data: Data) -> String { hex(SHA256.hash(data: data)) }

    /// Bytes as lower-case hex.
    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { String(format: "%02x", $0) }.joined()
    }
}
