import Foundation
import GRDB

/// The program's records in one SQLite file: journal, ledger, limits, vault.
///
/// It has two writing connections. Losing a journal entry in a power failure only costs repeated work. The ledger and
/// the vault sync every commit to disk, because a lost ledger entry could cause a duplicate post.
struct SQLiteStore: Sendable {
    /// For journal, limits and digests: survives a killed process.
    let records: DatabasePool
    /// For ledger and vault: also survives a power failure.
    let durable: DatabaseQueue

    /// Opens the file, creates it and its folder when missing, and migrates its schema.
    /// - Throws: `StoreError` with the path and a hint.
    init(path: String) throws(StoreError) {
        do {
            let folder = URL(filePath: path).deletingLastPathComponent()
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            // Created with mode 0600, so that the file is never readable by other users.
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            if descriptor >= 0 { close(descriptor) }
            // Processes that start together would create the schema at the same time.
            let lock = try Self.openingLock(path)
            defer { withExtendedLifetime(lock) {} }
            records = try DatabasePool(path: path, configuration: Self.configuration(synchronous: "NORMAL"))
            durable = try DatabaseQueue(path: path, configuration: Self.configuration(synchronous: "FULL"))
            let migrator = Self.migrations
            let isTooNew = try records.read { try migrator.hasBeenSuperseded($0) }
            guard !isTooNew else {
                throw StoreError(
                    .tooNew, "\(path) was written by a newer version of spreader-pipeline",
                    hint: "update the program, or choose another file with SPREADER_DB or --db")
            }
            try migrator.migrate(records)
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(
                .cannotOpen,
                "can't open the database \(path): \((error as? DatabaseError)?.message ?? error.localizedDescription)",
                hint: "check its permissions, or choose another file with SPREADER_DB=sqlite:PATH")
        }
    }

    /// Waits for other processes that are opening the file; continues without the lock after 10 s.
    private static func openingLock(_ path: String) throws -> FileLock? {
        for _ in 0..<2000 {
            if let lock = try FileLock.attempt(path + ".locks/open") { return lock }
            usleep(5000)
        }
        return nil
    }

    private static func configuration(synchronous: String) -> Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        configuration.journalMode = .wal
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = \(synchronous)") }
        return configuration
    }
}
