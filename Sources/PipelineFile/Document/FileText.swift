package import Foundation
import Glibc

/// Reads text files written by users and explains why a file is not readable text.
package enum FileText {
    /// The reason why a file can't be read as text.
    package struct Problem: Error, Sendable, Hashable {
        /// A predicate to put after the file name, such as "is a folder".
        package var message: String
        package var hint: String
        /// The line of the first invalid byte, from 1.
        package var line = 1
        /// The column of the first invalid byte, from 1, in Unicode scalars.
        package var column = 1
    }

    /// Reads a UTF-8 file.
    /// - Parameter kind: The hint for a missing file, a folder or a special file.
    package static func read(_ file: URL, kind: String = "name a JSON or YAML file") throws(Problem) -> String {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isDirectory) else {
            throw Problem(message: "does not exist", hint: kind)
        }
        guard !isDirectory.boolValue else { throw Problem(message: "is a folder", hint: kind) }
        // Reading a pipe or a device may never end, and works only once.
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
        let position = lines.end
        throw Problem(
            message: "is not UTF-8", hint: "save it as UTF-8; the location points to the first invalid byte",
            line: position.line, column: position.column)
    }

    /// The length of the longest valid UTF-8 prefix.
    private static func validCount(of bytes: [UInt8]) -> Int {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var count = 0
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { count += UTF8.width(scalar) }
        return count
    }
}
