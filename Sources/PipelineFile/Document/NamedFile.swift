package import Foundation
import Glibc
package import PipelineKit

/// A file that a user names for the program to write its text into.
package struct NamedFile {
    private let path: String

    /// The file at a path.
    package init(_ path: String) { self.path = path }

    /// What is at the path, links followed.
    private enum Content {
        case nothing, folder, file, other
    }

    /// Writes the text. A regular file is exchanged as a whole; what is behind a link or is a device is written into.
    /// - Parameter mayReplace: Whether a file with this content may be lost; an empty one always may.
    /// - Throws: `StageError` with code `configuration` that says why it can't be written.
    package func write(_ text: String, mayReplace: (Data) -> Bool) throws(StageError) {
        let data = Data(text.utf8)
        switch content {
        case .folder: throw problem("it is a folder", hint: "name a file")
        case .nothing: try put(data, O_CREAT | O_EXCL)
        case .other: try put(data, 0)
        case .file:
            let target = URL(filePath: path).resolvingSymlinksInPath()
            guard let old = try? Data(contentsOf: target), old.isEmpty || mayReplace(old) else {
                throw StageError(
                    .configuration, "\(path) is there and is no file of this kind", hint: "name another file")
            }
            do {
                try data.write(to: target, options: .atomic)
            } catch {
                // A folder may forbid new files and let this one be changed.
                try put(data, O_TRUNC)
            }
        }
    }

    private var content: Content {
        var status = stat()
        guard stat(path, &status) == 0 else { return .nothing }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: return .folder
        case S_IFREG: return .file
        default: return .other
        }
    }

    private func put(_ data: Data, _ flags: Int32) throws(StageError) {
        // A link that leads nowhere yet gets its file.
        let isLink = (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) != nil
        let descriptor = open(path, O_WRONLY | O_CLOEXEC | (isLink ? flags & ~O_EXCL : flags), 0o644)
        guard descriptor >= 0 else { throw problem(String(cString: strerror(errno))) }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try handle.write(contentsOf: data)
            try handle.close()
        } catch {
            throw problem(String(cString: strerror(errno)))
        }
    }

    private func problem(_ reason: String, hint: String? = nil) -> StageError {
        StageError(.configuration, "can't write \(path): \(reason)", hint: hint)
    }
}
