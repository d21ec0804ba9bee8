import Crypto
import Foundation

/// SHA-256 of text and small files, for keys.
package enum ContentDigest {
    /// The digest of the text's UTF-8 as lower-case hex.
    package static func sha256(_ text: String) -> String {
        sha256(Data(text.utf8))
    }

    /// The digest of a file's content as lower-case hex. Reads the whole file and blocks the thread.
    /// - Throws: `CocoaError` when the file can't be read.
    package static func sha256(ofFile path: String) throws -> String {
        sha256(try Data(contentsOf: URL(filePath: path), options: .alwaysMapped))
    }

    /// The digest as lower-case hex.
    static func sha256(_ data: Data) -> String { hex(SHA256.hash(data: data)) }

    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { String(format: "%02x", $0) }.joined()
    }
}
