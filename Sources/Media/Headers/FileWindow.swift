import Foundation

/// Random access to the bytes of a file. Owns the file descriptor.
final class FileWindow {
    private let descriptor: Int32
    /// Size of the file in bytes when it was opened.
    let size: UInt64

    /// Opens a file; returns nil if it can't be read.
    init?(path: String) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        size = fstat(descriptor, &status) == 0 && status.st_size > 0 ? UInt64(status.st_size) : 0
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Up to `count` bytes from `offset`; fewer at the end of the file.
    func bytes(at offset: UInt64, count: Int) -> [UInt8] {
        guard offset < size, count > 0 else { return [] }
        let wanted = Int(min(UInt64(count), size - offset))
        return [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
            filled = max(0, pread(descriptor, buffer.baseAddress, wanted, off_t(offset)))
        }
    }
}

extension Collection<UInt8> {
    /// The first eight bytes as one number, most significant byte first.
    var bigEndian: UInt64 { prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}
