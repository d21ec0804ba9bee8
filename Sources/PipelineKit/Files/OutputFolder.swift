public import Foundation
import Glibc

/// A folder of the user's in which stages place finished files.
///
/// Use it for each file that a stage writes outside the work folder. Existing files are never overwritten: one with the
/// same content is kept, and next to a different one the new file gets a number. A file appears under its name only
/// when it is complete.
public struct OutputFolder: Sendable {
    private static let blockSize = 1 << 20
    private static let maximumNumber = 999

    /// The folder; ``store(_:name:ending:claims:)`` creates it when it is missing.
    public let url: URL

    /// The folder at `path`, which may begin with `~` or be relative to the current directory.
    public init(path: String) {
        url = URL(fileURLWithPath: (path as NSString).expandingTildeInPath, isDirectory: true)
    }

    /// Checks the value of an option that names an output folder.
    /// - Parameter pointer: The JSON pointer of the option.
    public static func findings(path: String, pointer: String) -> [Diagnostic] {
        if path.isEmpty {
            return [
                Diagnostic(
                    code: "empty-value", "\(pointer.dropFirst()) is empty", hint: "name a folder", pointer: pointer)
            ]
        }
        var isDirectory: ObjCBool = false
        let full = OutputFolder(path: path).url.path
        guard FileManager.default.fileExists(atPath: full, isDirectory: &isDirectory), !isDirectory.boolValue else {
            return []
        }
        return [Diagnostic(code: "not-a-folder", "\(path) is a file", hint: "name a folder", pointer: pointer)]
    }

    /// The path of `name.ending` in the folder; from number 2 on, `name-2.ending` and so on.
    public func path(name: String, ending: String, number: Int = 1) -> String {
        url.appendingPathComponent("\(name)\(number == 1 ? "" : "-\(number)").\(ending)").path
    }

    /// Places a finished file in the folder: as a hard link where the file system supports it, otherwise as a copy. The
    /// file must not be written to afterwards. The work runs on its own thread.
    /// - Parameters:
    ///   - file: The path of the finished file.
    ///   - name: The name in the folder, without extension.
    ///   - ending: The extension, such as `mp4`.
    ///   - claims: The claims of the current run and stage.
    /// - Returns: The path in the folder, which may be that of an existing file with the same content.
    /// - Throws: `StageError` when the folder can't be written to; no partial file remains.
    public func store(
        _ file: String, name: String, ending: String, claims: OutputClaims
    ) async throws(StageError) -> String {
        try await BlockingWork.run(name: "output") { (flag) throws(StageError) in
            try storeBlocking(file, name: name, ending: ending, claims: claims, flag: flag)
        }
    }

    private func storeBlocking(
        _ file: String, name: String, ending: String, claims: OutputClaims, flag: CancellationFlag
    ) throws(StageError) -> String {
        do {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        } catch {
            throw Self.failure("can't create the folder \(url.path)", error)
        }
        let part = url.appendingPathComponent(".\(UUID().uuidString).part").path
        defer { unlink(part) }
        var isReady = false
        for number in 1...Self.maximumNumber {
            let path = path(name: name, ending: ending, number: number)
            if FileManager.default.fileExists(atPath: path) {
                if try Self.isEqual(file, path, flag: flag), try claims.take(path) { return path }
                continue
            }
            guard try claims.take(path) else { continue }
            if !isReady {
                try Self.place(file, at: part, flag: flag)
                isReady = true
            }
            // link fails if another process created the name in the meantime; rename would overwrite it.
            if link(part, path) == 0 { return path }
            let code = errno
            if code == EEXIST {
                if try Self.isEqual(file, path, flag: flag) { return path }
                claims.release(path)
                continue
            }
            // The file system doesn't support hard links.
            if rename(part, path) == 0 { return path }
            throw Self.failure("can't write \(path)", NSError(domain: NSPOSIXErrorDomain, code: Int(code)))
        }
        throw StageError(
            .fileSystem, "\(url.path) already contains \(Self.maximumNumber) different files named \(name).\(ending)",
            hint: "choose another folder")
    }

    /// Links or copies a file and syncs its content to disk. It copies when the target is on another file system, or
    /// the file system doesn't support hard links.
    private static func place(_ source: String, at target: String, flag: CancellationFlag) throws(StageError) {
        guard link(source, target) == 0 else { return try copy(source, to: target, flag: flag) }
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: target))
            defer { try? handle.close() }
            try handle.synchronize()
        } catch {
            throw failure("can't sync \(source) to disk", error)
        }
    }

    /// Copies a file's content to a new file and syncs it to disk. Blocks the thread.
    /// - Throws: `StageError` with code `file-system` or `disk-full`, or `cancelled` once `flag` is set.
    package static func copy(
        _ source: String, to target: String, flag: CancellationFlag
    ) throws(StageError) {
        do {
            let input = try FileHandle(forReadingFrom: URL(fileURLWithPath: source))
            defer { try? input.close() }
            let descriptor = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw NSError(domain: NSPOSIXErrorDomain, code: Int(errno)) }
            let output = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
            defer { try? output.close() }
            while let block = try input.read(upToCount: blockSize), !block.isEmpty {
                if flag.isCancelled { throw StageError.cancelled }
                try output.write(contentsOf: block)
            }
            try output.synchronize()
        } catch let error as StageError {
            throw error
        } catch {
            throw failure("can't copy \(source) to \((target as NSString).deletingLastPathComponent)", error)
        }
    }

    private static func isEqual(_ left: String, _ right: String, flag: CancellationFlag) throws(StageError) -> Bool {
        guard (try? FileSize.of(left)) == (try? FileSize.of(right)) else { return false }
        do {
            let a = try FileHandle(forReadingFrom: URL(fileURLWithPath: left))
            defer { try? a.close() }
            let b = try FileHandle(forReadingFrom: URL(fileURLWithPath: right))
            defer { try? b.close() }
            while true {
                if flag.isCancelled { throw StageError.cancelled }
                let (x, y) = (try a.read(upToCount: blockSize) ?? Data(), try b.read(upToCount: blockSize) ?? Data())
                if x != y { return false }
                if x.isEmpty { return true }
            }
        } catch let error as StageError {
            throw error
        } catch {
            throw failure("can't compare \(left) and \(right)", error)
        }
    }

    private static func failure(_ message: String, _ error: any Error) -> StageError {
        let beneath = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError ?? error as NSError
        if beneath.domain == NSPOSIXErrorDomain, beneath.code == Int(ENOSPC) || beneath.code == Int(EDQUOT) {
            return StageError(.diskFull, "the disk is full: \(message)", hint: "free some space", cause: "\(error)")
        }
        return StageError(.fileSystem, message, hint: "check the folder's permissions", cause: "\(error)")
    }
}

extension StageContext {
    /// Creates ``workDirectory``. Call it before you write the first file.
    /// - Throws: `StageError` when the folder can't be created.
    public func makeWorkDirectory() throws(StageError) {
        do {
            try FileManager.default.createDirectory(at: workDirectory, withIntermediateDirectories: true)
        } catch {
            throw StageError(
                .fileSystem, "can't create the work folder \(workDirectory.path)",
                hint: "choose another --work-dir", cause: "\(error)")
        }
    }
}
