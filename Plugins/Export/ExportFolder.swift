import Foundation
import PipelineKit

/// Puts finished files into a folder.
enum ExportFolder {
    private static let blockSize = 1 << 20
    private static let maximumNumber = 999

    /// Copies the video's file into `folder` on a thread of its own.
    /// - Returns: Path of the copy, or of the equal file that was there.
    static func store(_ video: PreparedVideo, in folder: URL, claims: ExportClaims) async throws(StageError) -> String {
        try await BlockingWork.run(name: "export") { (flag) throws(StageError) in
            try storeBlocking(video, in: folder, claims: claims, flag: flag)
        }
    }

    /// The name of the copy: the footage's, with a number from the second file of that name on.
    static func path(in folder: URL, for video: PreparedVideo, number: Int) -> String {
        let stem = ((video.source.file.path as NSString).lastPathComponent as NSString).deletingPathExtension
        return folder.appendingPathComponent("\(stem)\(number == 1 ? "" : "-\(number)").mp4").path
    }

    private static func storeBlocking(
        _ video: PreparedVideo, in folder: URL, claims: ExportClaims, flag: CancellationFlag
    ) throws(StageError) -> String {
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw failure("the folder \(folder.path) can't be made", error)
        }
        let part = folder.appendingPathComponent(".\(UUID().uuidString).part").path
        defer { unlink(part) }
        var isCopied = false
        for number in 1...maximumNumber {
            let path = path(in: folder, for: video, number: number)
            if FileManager.default.fileExists(atPath: path) {
                if try isEqual(video.file.path, path, flag: flag), try claims.take(path) { return path }
                continue
            }
            guard try claims.take(path) else { continue }
            if !isCopied {
                try copy(video.file.path, to: part, flag: flag)
                isCopied = true
            }
            // A hard link fails when the name was taken meanwhile; a rename would overwrite.
            if link(part, path) == 0 { return path }
            let code = errno
            if code == EEXIST {
                if try isEqual(video.file.path, path, flag: flag) { return path }
                claims.release(path)
                continue
            }
            // File systems without hard links.
            if rename(part, path) == 0 { return path }
            throw failure("\(path) can't be written", NSError(domain: NSPOSIXErrorDomain, code: Int(code)))
        }
        throw StageError(
            .fileSystem, "\(folder.path) holds \(maximumNumber) other files named after \(video.source.displayPath)",
            hint: "choose another directory")
    }

    /// Copies bytes, by reference where the file system can.
    private static func copy(_ source: String, to target: String, flag: CancellationFlag) throws(StageError) {
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
