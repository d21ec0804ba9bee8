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

    /// Gives a name back: what it was taken for failed, and may be tried again.
    /// - Throws: `StageError` when the database can't be written.
    package func giveBack(_ name: String) async throws(StageError) {
        try await StoreError.bridge("writing the database failed") {
            try await durable.write { try $0.execute(sql: "DELETE FROM claims WHERE name = ?", arguments: [name]) }
        }
    }
}
