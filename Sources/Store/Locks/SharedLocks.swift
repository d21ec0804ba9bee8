package import Foundation
package import PipelineKit
import Synchronization

/// Named locks between all processes that use the same records.
///
/// On one machine they are file locks, which end with their process. With a shared database, each lock also has a row
/// that its holder renews; another machine takes over a lock whose row was not renewed in time. The file lock tells
/// whether the holder on this machine is alive, so that a crash here delays no other process.
package struct SharedLocks: Sendable {
    /// How long a lock of another machine stays valid without renewal.
    package static let leaseDuration = Duration.seconds(15)

    private let folder: URL
    private let remote: Remote?

    private struct Remote: Sendable {
        var database: any SQLDatabase
        /// The id of the lock folder, and so of all processes that share its files; ends with a colon.
        var machine: String
    }

    /// Locks for processes on one machine, as files in `folder`.
    package init(folder: URL) {
        self.folder = folder
        remote = nil
    }

    /// Locks for all machines that use `store`; the file locks of this machine are in `folder`.
    /// - Throws: `StageError` with code `configuration` when the folder can't be written to.
    package init(folder: URL, store: RecordStore) throws(StageError) {
        self.folder = folder
        do {
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            remote = Remote(database: store.durable, machine: try Self.machine(folder) + ":")
        } catch {
            throw StageError(
                .configuration, "can't write to the lock folder \(folder.path): \(error.localizedDescription)",
                hint: "set SPREADER_HOME to a writable folder")
        }
    }

    /// The id of a lock folder: a random id in the folder plus its device and inode, so that a copy of the folder has
    /// another id.
    private static func machine(_ folder: URL) throws -> String {
        let path = folder.appending(path: "machine").path
        if !FileManager.default.fileExists(atPath: path) {
            let draft = path + ".\(UUID().uuidString)"
            defer { unlink(draft) }
            try Data(UUID().uuidString.utf8).write(to: URL(filePath: draft))
            link(draft, path)
        }
        let text = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
        var status = stat()
        guard let id = UUID(uuidString: text), stat(path, &status) == 0 else {
            throw CocoaError(.fileReadCorruptFile, userInfo: [NSFilePathErrorKey: path])
        }
        return "\(id.uuidString)-\(status.st_dev)-\(status.st_ino)"
    }

    /// Runs `body` while holding the lock `name`.
    /// - Throws: `busy` when the lock is held; `StageError` when it can't be checked; the errors of `body`.
    package func with<Value>(
        _ name: String, orThrow busy: StageError, _ body: () async throws(StageError) -> Value
    ) async throws(StageError) -> Value {
        guard let lock = try await attempt(name) else { throw busy }
        return try await lock.during(body)
    }

    /// Takes a lock without waiting; returns nil when it is held.
    /// - Throws: `StageError` when the lock file or its row can't be written.
    package func attempt(_ name: String) async throws(StageError) -> SharedLock? {
        let path = folder.appending(path: name).path
        let file: FileLock?
        do {
            file = try FileLock.attempt(path)
        } catch {
            throw StageError(.configuration, "can't create the lock file \(path): \(error)")
        }
        guard let file else { return nil }
        guard let remote else { return SharedLock(file: file, row: nil) }
        let row = LockRow(database: remote.database, name: name, owner: remote.machine + UUID().uuidString)
        guard try await row.take(machine: remote.machine) else { return nil }
        return SharedLock(file: file, row: row)
    }
}

/// A held lock, renewed in the background until it is released.
package final class SharedLock: Sendable {
    private let file: Mutex<FileLock?>
    private let row: LockRow?
    private let keeper: Task<Void, Never>?

    init(file: FileLock, row: LockRow?) {
        self.file = Mutex(file)
        self.row = row
        keeper = row.map { row in
            Task {
                // Losing the lock is harmless for posts: the ledger checks every step.
                while (try? await Task.sleep(for: SharedLocks.leaseDuration / 3)) != nil { _ = try? await row.renew() }
            }
        }
    }

    deinit { keeper?.cancel() }

    /// Runs `body` and releases the lock afterwards.
    /// - Throws: The error of `body`.
    package func during<Value>(
        _ body: () async throws(StageError) -> Value
    ) async throws(StageError) -> Value {
        do throws(StageError) {
            let value = try await body()
            await release()
            return value
        } catch {
            await release()
            throw error
        }
    }

    /// Releases the lock; another process can take it then.
    package func release() async {
        keeper?.cancel()
        if let row { _ = try? await withCancellationShield { () throws(StageError) in try await row.release() } }
        file.withLock { $0 = nil }
    }
}

/// The database row of a lock, which other machines see.
struct LockRow: Sendable {
    let database: any SQLDatabase
    let name: String
    let owner: String

    /// Takes the lock if it is free, expired, or left by a dead process of this machine. Hold the file lock first.
    func take(machine: String) async throws(StageError) -> Bool {
        try await StoreError.bridge("taking a lock failed") {
            try await database.write { [name, owner] connection in
                let now = try connection.now()
                return try connection.execute(
                    """
                    INSERT INTO locks (name, owner, until) VALUES (?, ?, ?)
                    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
                    WHERE locks.until < ? OR substr(locks.owner, 1, length(?)) = ?
                    """, [name, owner, now + SharedLocks.leaseDuration.inSeconds, now, machine, machine]) == 1
            }
        }
    }

    /// Extends the lock; does nothing when another machine has taken it over.
    func renew() async throws(StageError) {
        try await StoreError.bridge("renewing a lock failed") {
            try await database.write { [name, owner] connection in
                let end = try connection.now() + SharedLocks.leaseDuration.inSeconds
                _ = try connection.execute(
                    "UPDATE locks SET until = ? WHERE name = ? AND owner = ?", [end, name, owner])
            }
        }
    }

    func release() async throws(StageError) {
        try await StoreError.bridge("releasing a lock failed") {
            try await database.write { [name, owner] connection in
                _ = try connection.execute("DELETE FROM locks WHERE name = ? AND owner = ?", [name, owner])
            }
        }
    }
}
