package import Foundation
package import PipelineKit
import Synchronization

/// Locks that every process on the same records respects.
///
/// On one machine they are files, gone with their process however that ends. With a database that machines share, each
/// lock has a row there too, that its holder renews: other machines take it over once it has been silent. The file tells
/// who holds it on this machine, so that a process that died here leaves nothing to wait for.
package struct SharedLocks: Sendable {
    /// How long a holder on another machine may be silent.
    package static let life = Duration.seconds(15)

    private let folder: URL
    private let remote: Remote?

    private struct Remote: Sendable {
        var database: any SQLDatabase
        /// Names the folder, and with it all that share its files; ends with a colon.
        var machine: String
    }

    /// Locks of one machine, below `folder`.
    package init(folder: URL) {
        self.folder = folder
        remote = nil
    }

    /// Locks of all machines on `store`; those of this one are below `folder`.
    /// - Throws: `StageError` with code `configuration` when the folder can't be written.
    package init(folder: URL, store: RecordStore) throws(StageError) {
        self.folder = folder
        do {
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            remote = Remote(database: store.durable, machine: try Self.machine(folder) + ":")
        } catch {
            throw StageError(
                .configuration, "can't write the folder of locks \(folder.path): \(error.localizedDescription)",
                hint: "let SPREADER_HOME name a folder that can be written")
        }
    }

    /// The name of a folder of locks: a mark in it, made by whoever comes first, and its place in the file system, so that
    /// a copy of the folder is another one.
    private static func machine(_ folder: URL) throws -> String {
        let mark = folder.appending(path: "machine").path
        if !FileManager.default.fileExists(atPath: mark) {
            let draft = mark + ".\(UUID().uuidString)"
            defer { unlink(draft) }
            try Data(UUID().uuidString.utf8).write(to: URL(filePath: draft))
            link(draft, mark)
        }
        let text = String(decoding: try Data(contentsOf: URL(filePath: mark)), as: UTF8.self)
        var place = stat()
        guard let id = UUID(uuidString: text), stat(mark, &place) == 0 else {
            throw CocoaError(.fileReadCorruptFile, userInfo: [NSFilePathErrorKey: mark])
        }
        return "\(id.uuidString)-\(place.st_dev)-\(place.st_ino)"
    }

    /// Calls `body` while nobody else has the lock `name`.
    /// - Throws: `busy` when somebody has it; `StageError` when it can't be asked for; what `body` throws.
    package func with<Value>(
        _ name: String, orThrow busy: StageError, _ body: () async throws(StageError) -> Value
    ) async throws(StageError) -> Value {
        guard let lock = try await attempt(name) else { throw busy }
        return try await lock.during(body)
    }

    /// Takes a lock at once, or gives nil when somebody has it.
    /// - Throws: `StageError` when it can't be asked for.
    package func attempt(_ name: String) async throws(StageError) -> SharedLock? {
        let path = folder.appending(path: name).path
        let file: FileLock?
        do {
            file = try FileLock.attempt(path)
        } catch {
            throw StageError(.configuration, "can't make the lock file \(path): \(error)")
        }
        guard let file else { return nil }
        guard let remote else { return SharedLock(file: file, row: nil) }
        let row = LockRow(database: remote.database, name: name, owner: remote.machine + UUID().uuidString)
        guard try await row.take(machine: remote.machine) else { return nil }
        return SharedLock(file: file, row: row)
    }
}

/// A lock that is held until it is released.
package final class SharedLock: Sendable {
    private let file: Mutex<FileLock?>
    private let row: LockRow?
    private let keeper: Task<Void, Never>?

    init(file: FileLock, row: LockRow?) {
        self.file = Mutex(file)
        self.row = row
        keeper = row.map { row in
            Task {
                // A lock that is lost meanwhile is no harm to posts: each of their steps asks the ledger.
                while (try? await Task.sleep(for: SharedLocks.life / 3)) != nil { _ = try? await row.renew() }
            }
        }
    }

    deinit { keeper?.cancel() }

    /// Calls `body` and lets others have the lock afterwards, however it ends.
    /// - Throws: What `body` throws.
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

    /// Lets others have it.
    package func release() async {
        keeper?.cancel()
        if let row { _ = try? await Uncancelled.run { () throws(StageError) in try await row.release() } }
        file.withLock { $0 = nil }
    }
}

/// A lock as other machines see it.
struct LockRow: Sendable {
    let database: any SQLDatabase
    let name: String
    let owner: String

    /// Takes it, when it is free, silent for too long, or another process of this machine's, which is gone then.
    func take(machine: String) async throws(StageError) -> Bool {
        try await StoreError.bridge("taking a lock failed") {
            try await database.write { [name, owner] connection in
                let now = try connection.now()
                return try connection.execute(
                    """
                    INSERT INTO locks (name, owner, until) VALUES (?, ?, ?)
                    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
                    WHERE locks.until < ? OR substr(locks.owner, 1, length(?)) = ?
                    """, [name, owner, now + SharedLocks.life.inSeconds, now, machine, machine]) == 1
            }
        }
    }

    /// Keeps it.
    func renew() async throws(StageError) {
        try await StoreError.bridge("keeping a lock failed") {
            try await database.write { [name, owner] connection in
                let end = try connection.now() + SharedLocks.life.inSeconds
                _ = try connection.execute(
                    "UPDATE locks SET until = ? WHERE name = ? AND owner = ?", [end, name, owner])
            }
        }
    }

    /// Gives it back.
    func release() async throws(StageError) {
        try await StoreError.bridge("giving a lock back failed") {
            try await database.write { [name, owner] connection in
                _ = try connection.execute("DELETE FROM locks WHERE name = ? AND owner = ?", [name, owner])
            }
        }
    }
}
