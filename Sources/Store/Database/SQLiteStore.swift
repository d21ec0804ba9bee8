import Foundation
import GRDB

/// The program's records in one SQLite file: journal, ledger, limits, vault.
///
/// Two connections write: one for the journal, whose loss in a power cut costs repeated work, and one for ledger and
/// vault, which waits for the disk at every commit, because a lost ledger entry could cost a second post.
struct SQLiteStore: Sendable {
    /// Journal, limits, digests: survives a killed process.
    let records: DatabasePool
    /// Ledger and vault: survives a power cut.
    let durable: DatabaseQueue
    /// Opens the file, creating it and its folder when missing, and brings its schema up to date.
    /// - Throws: `StoreError` with the path and what to do.
    init(path: String) throws(StoreError) {
        do {
            let folder = URL(filePath: path).deletingLastPathComponent()
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            // Its owner's alone from the beginning; one that another process has just made is left as it is.
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            if descriptor >= 0 { close(descriptor) }
            // Processes that start together would make the schema at once.
            let lock = try Self.entrance(path)
            defer { withExtendedLifetime(lock) {} }
            records = try DatabasePool(path: path, configuration: Self.configuration(synchronous: "NORMAL"))
            durable = try DatabaseQueue(path: path, configuration: Self.configuration(synchronous: "FULL"))
            let migrator = Self.migrations
            let isTooNew = try records.read { try migrator.hasBeenSuperseded($0) }
            guard !isTooNew else {
                throw StoreError(
                    .tooNew, "\(path) was written by a newer version of spreader-pipeline",
                    hint: "update the program, or name another file with SPREADER_DB or --db")
            }
            try migrator.migrate(records)
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(
                .cannotOpen,
                "can't open the database \(path): \((error as? DatabaseError)?.message ?? error.localizedDescription)",
                hint: "check its permissions, or name another file with SPREADER_DB=sqlite:PATH")
        }
    }

    /// Waits for those who are opening the file right now, though not for ever.
    private static func entrance(_ path: String) throws -> FileLock? {
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
