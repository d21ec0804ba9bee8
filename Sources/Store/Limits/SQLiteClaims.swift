package import Foundation
import GRDB
package import PipelineKit

/// Names that can be taken once, for a while, by whichever process comes first: used login states, seen webhooks.
package struct SQLiteClaims: Sendable {
    private let durable: DatabaseQueue
    private let now: @Sendable () -> Date

    /// The claims of `store`.
    package init(_ store: SQLiteStore, now: @escaping @Sendable () -> Date) {
        durable = store.durable
        self.now = now
    }

    /// Takes a name; on disk when the call returns.
    /// - Parameter end: When it may be forgotten.
    /// - Returns: Whether nobody had it.
    /// - Throws: `StageError` when the database can't be written.
    package func take(_ name: String, until end: Date) async throws(StageError) -> Bool {
        let moment = now().timeIntervalSince1970
        return try await StoreError.bridge("writing the database failed") {
            try await durable.write { database in
                try database.execute(sql: "DELETE FROM claims WHERE until < ?", arguments: [moment])
                try database.execute(
                    sql: "INSERT OR IGNORE INTO claims (name, until) VALUES (?, ?)",
                    arguments: [name, end.timeIntervalSince1970])
                return database.changesCount > 0
            }
        }
    }

    /// Whether somebody has a name.
    /// - Throws: `StageError` when the database can't be read.
    package func isTaken(_ name: String) async throws(StageError) -> Bool {
        try await StoreError.bridge("reading the database failed") {
            try await durable.read {
                try Bool.fetchOne($0, sql: "SELECT EXISTS (SELECT 1 FROM claims WHERE name = ?)", arguments: [name])
                    ?? false
            }
        }
    }
}
