public import Foundation
import Glibc

/// A folder of the user's into which stages put finished files.
///
/// A file that is already there is never overwritten: one with the same content is left as it is, another gets a number
/// beside it. A file appears under its name only when it is complete.
public struct OutputFolder: Sendable {
    private static let blockSize = 1 << 20
    private static let maximumNumber = 999

    /// The folder; it is made when it is missing.
    public let url: URL

    /// The folder at `path`, which may begin with `~` and is relative to the current folder.
    public init(path: String) {
        url = URL(fileURLWithPath: (path as NSString).expandingTildeInPath, isDirectory: true)
    }

    /// What a stage's option for the folder gets wrong; `pointer` is the option's.
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

    /// The path of a file: `name.ending`, with a number from the second file of that name on.
    public func path(name: String, ending: String, number: Int = 1) -> String {
        url.appendingPathComponent("\(name)\(number == 1 ? "" : "-\(number)").\(ending)").path
    }

    /// Puts a finished file into the folder, on a thread of its own: as a second name of the same bytes where the file
    /// system allows it, else as a copy. Whoever made the file must not write to it any more.
    /// - Parameters:
    ///   - file: Path of the finished file.
    ///   - name: The copy's name without ending.
    ///   - ending: The copy's ending, such as `mp4`.
    ///   - claims: Those of the run and stage.
    /// - Returns: Its path there, or of the equal file that was there.
    /// - Throws: `StageError` when the folder can't be written; nothing is left behind then.
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
            throw Self.failure("the folder \(url.path) can't be made", error)
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
            // A hard link fails when the name was taken meanwhile; a rename would overwrite.
            if link(part, path) == 0 { return path }
            let code = errno
            if code == EEXIST {
                if try Self.isEqual(file, path, flag: flag) { return path }
                claims.release(path)
                continue
            }
            // File systems without hard links.
            if rename(part, path) == 0 { return path }
            throw Self.failure("\(path) can't be written", NSError(domain: NSPOSIXErrorDomain, code: Int(code)))
        }
        throw StageError(
            .fileSystem, "\(url.path) holds \(Self.maximumNumber) other files called \(name).\(ending)",
            hint: "choose another directory")
    }

    /// Gives a file a second name; copies its bytes where that name would be on another file system, or the file
    /// system knows no such names. Either way they are on the disk afterwards.
    private static func place(_ source: String, at target: String, flag: CancellationFlag) throws(StageError) {
        guard link(source, target) == 0 else { return try copy(source, to: target, flag: flag) }
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: target))
            defer { try? handle.close() }
            try handle.synchronize()
        } catch {
            throw failure("\(source) can't be written to the disk", error)
        }
    }

    /// Copies a file's content to a new file, which is on the disk afterwards. Blocks the thread.
    /// - Throws: `StageError` with code `file-system` or `disk-full`; `cancelled` when it is asked to stop.
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
            throw failure("\(source) can't be copied to \((target as NSString).deletingLastPathComponent)", error)
        }
    }

    /// Whether two files hold the same bytes.
    private static func isEqual(_ left: String, _ right: String, flag: CancellationFlag) throws(StageError) -> Bool {
        func size(_ path: String) -> Int64? {
            (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.int64Value
        }
        guard size(left) == size(right) else { return false }
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
            throw failure("\(left) and \(right) can't be compared", error)
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
    /// Makes the folder for this asset's work files.
    /// - Throws: `StageError` when it can't be made.
    public func makeWorkDirectory() throws(StageError) {
        do {
            try FileManager.default.createDirectory(at: workDirectory, withIntermediateDirectories: true)
        } catch {
            throw StageError(
                .fileSystem, "the work folder \(workDirectory.path) can't be made",
                hint: "choose another --work-dir", cause: "\(error)")
        }
    }
}
