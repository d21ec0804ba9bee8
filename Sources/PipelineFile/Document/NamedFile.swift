package import Foundation
import Glibc
package import PipelineKit

/// An output file that the user names, such as that of `--output`.
package struct NamedFile {
    private let path: String

    package init(_ path: String) { self.path = path }

    /// What exists at the path, after following links.
    private enum Content {
        case nothing, folder, file, other
    }

    /// Writes the text. Replaces a regular file atomically, following links, and writes directly into a device or pipe.
    /// - Parameter mayReplace: Whether a file with the given content may be overwritten. Empty files always may.
    /// - Throws: `StageError` with code `configuration`.
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
                    .configuration, "\(path) already exists and was not created by this tool", hint: "name another file"
                )
            }
            do {
                try data.write(to: target, options: .atomic)
            } catch {
                // The folder may not permit new files although this file is writable.
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
        // Create the target of a dangling link.
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
