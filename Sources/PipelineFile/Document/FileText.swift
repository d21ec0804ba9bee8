package import Foundation
import Glibc

/// The text of a file that a user wrote.
package enum FileText {
    /// Why a file can't be read as text.
    package struct Problem: Error, Sendable, Hashable {
        /// The rest of a sentence that begins with the file, such as "is a folder".
        package var message: String
        /// What to do.
        package var hint: String
        /// Line of the first byte that is no text, from 1.
        package var line = 1
        /// Its column.
        package var column = 1
    }

    /// Reads UTF-8.
    /// - Parameter kind: What to do when it is no file.
    package static func read(_ file: URL, kind: String = "name a JSON or YAML file") throws(Problem) -> String {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isDirectory) else {
            throw Problem(message: "does not exist", hint: kind)
        }
        guard !isDirectory.boolValue else { throw Problem(message: "is a folder", hint: kind) }
        // A pipe or a device may never end, and gives its content once.
        var status = stat()
        guard stat(file.path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Problem(message: "is not a regular file", hint: kind)
        }
        guard let data = try? Data(contentsOf: file) else {
            throw Problem(message: "can't be read", hint: "check its permissions")
        }
        if let text = String(validating: data, as: UTF8.self) { return text }
        let bytes = [UInt8](data)
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw Problem(message: "is UTF-16", hint: "save it as UTF-8")
        }
        let lines = SourceLines(String(decoding: bytes.prefix(validCount(of: bytes)), as: UTF8.self) + "?")
        let place = lines.end
        throw Problem(
            message: "is not UTF-8", hint: "save it as UTF-8: its first byte of another encoding is here",
            line: place.line, column: place.column)
    }

    /// How many bytes stand before the first that is not UTF-8.
    private static func validCount(of bytes: [UInt8]) -> Int {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var count = 0
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { count += UTF8.width(scalar) }
        return count
    }
}
