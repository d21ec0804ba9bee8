import Foundation
import Glibc
package import PipelineFile
package import PipelineKit
import Store

/// Finds footage in a folder that has stopped growing and was not queued before.
///
/// A file is identified by path, size, modification time and inode. Its mark is stored in the transaction that creates
/// the job, so that each file is queued once across restarts and watchers.
package struct FolderWatch {
    /// Footage that has stopped growing.
    package struct Ready: Sendable {
        package var asset: AssetInput
        /// The key under which the file is recorded as queued.
        package var mark: String
    }

    let folder: String
    let settle: Duration
    /// When each file was first seen unchanged, by path. Monotonic, because the wall clock can be set.
    private var seen: [String: (mark: FileFingerprint, since: ContinuousClock.Instant)] = [:]
    /// Marks known to be queued, so that the database is not asked again.
    private var taken: Set<String> = []

    package init(folder: String, settle: Duration) {
        self.folder = folder
        self.settle = settle
    }

    /// Scans the folder once.
    /// - Returns: The files that can be queued now, findings about the others, and whether a file is still growing.
    package mutating func scan() -> (ready: [Ready], findings: [Diagnostic], isGrowing: Bool) {
        let place = SourcePosition(file: folder)
        let directory = URL(filePath: FileManager.default.currentDirectoryPath)
        let (assets, findings) = InputResolver.resolve([(folder, place)], in: directory)
        var ready: [Ready] = []
        var isGrowing = false
        var present: [String: (mark: FileFingerprint, since: ContinuousClock.Instant)] = [:]
        let now = ContinuousClock.now
        // A sidecar may arrive before its footage.
        for asset in assets where !Sidecar.hasEnding(asset.path) {
            guard let mark = FileFingerprint(asset.path) else { continue }
            let since = seen[asset.path].flatMap { $0.mark == mark ? $0.since : nil } ?? now
            present[asset.path] = (mark, since)
            let key = Self.key(asset.path, mark)
            if taken.contains(key) { continue }
            // Measured by this process, because the clock of a file server may differ.
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

    /// Records that a file is queued, by this watcher or another.
    package mutating func take(_ file: Ready) { taken.insert(file.mark) }

    private static func key(_ path: String, _ mark: FileFingerprint) -> String {
        "watch:" + ContentDigest.sha256("\(path)\n\(mark.bytes)\n\(mark.modified)\n\(mark.inode)")
    }
}

/// Rings a `AsyncSignal` when a folder changes (inotify).
package final class FolderWatcher: Sendable {
    /// Safe to share: a dispatch source may be cancelled from any thread, and its handler runs on its own queue.
    nonisolated(unsafe) private let source: any DispatchSourceRead

    /// Watches `folder`; nil if inotify can't.
    package init?(_ folder: String, _ bell: AsyncSignal) {
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
