import Foundation
import Glibc
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting
import Store

/// Finds footage in a folder that has stopped growing and was not taken before.
///
/// What was taken is known by path, size, time of change and inode, and written down in the transaction that makes the
/// job: over restarts, and with many watchers, each file is taken once.
struct FolderWatch {
    /// Footage that stands still.
    struct Ready: Sendable {
        var asset: AssetInput
        /// What a taken file is known by.
        var mark: String
    }

    let folder: String
    let settle: Duration
    /// Since when each file is as it is, by a clock that nobody sets.
    private var seen: [String: (mark: FileMark, since: ContinuousClock.Instant)] = [:]
    /// Marks that are known to be taken, so that the database is not asked again.
    private var taken: Set<String> = []

    init(folder: String, settle: Duration) {
        self.folder = folder
        self.settle = settle
    }

    /// Looks into the folder.
    /// - Returns: What may be taken now; what is wrong with the rest; and whether something is still growing.
    mutating func scan() -> (ready: [Ready], findings: [Diagnostic], isGrowing: Bool) {
        let place = SourceLocation(file: folder)
        let directory = URL(filePath: FileManager.default.currentDirectoryPath)
        let (assets, findings) = InputResolver.resolve([(folder, place)], in: directory)
        var ready: [Ready] = []
        var isGrowing = false
        var present: [String: (mark: FileMark, since: ContinuousClock.Instant)] = [:]
        let now = ContinuousClock.now
        // What comes before its footage is no footage.
        for asset in assets where !Sidecar.hasEnding(asset.path) {
            guard let mark = FileMark(asset.path) else { continue }
            let since = seen[asset.path].flatMap { $0.mark == mark ? $0.since : nil } ?? now
            present[asset.path] = (mark, since)
            let key = Self.key(asset.path, mark)
            if taken.contains(key) { continue }
            // Seen by this process: file servers have clocks of their own.
            guard now - since >= settle else {
                isGrowing = true
                continue
            }
            ready.append(Ready(asset: asset, mark: key))
        }
        seen = present
        taken.formIntersection(present.map { Self.key($0.key, $0.value.mark) })
        return (ready, findings.filter { $0.code != "no-input" }, isGrowing)
    }

    /// Notes that a file was taken, by whomever.
    mutating func take(_ file: Ready) { taken.insert(file.mark) }

    private static func key(_ path: String, _ mark: FileMark) -> String {
        "watch:" + ContentDigest.sha256("\(path)\n\(mark.bytes)\n\(mark.modified)\n\(mark.inode)")
    }
}

/// Rings when something changes in a folder.
final class FolderBell: Sendable {
    /// Cancelled from any thread; its handler runs on its own queue.
    nonisolated(unsafe) private let source: any DispatchSourceRead

    /// Watches `folder`; nil when the system can't.
    init?(_ folder: String, _ bell: Doorbell) {
        let descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else { return nil }
        let events = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM)
        guard inotify_add_watch(descriptor, folder, events) >= 0 else {
            close(descriptor)
            return nil
        }
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: .global())
        source.setEventHandler {
            var buffer = [UInt8](repeating: 0, count: 16_384)
            while read(descriptor, &buffer, buffer.count) > 0 {}
            bell.ring()
        }
        source.setCancelHandler { close(descriptor) }
        source.resume()
    }

    deinit { source.cancel() }
}
