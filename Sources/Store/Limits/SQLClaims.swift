package import Foundation
package import PipelineKit

/// Names that can be taken once, for a while, by whichever process comes first: used login states, seen webhooks.
package struct SQLClaims: Sendable {
    private let durable: any SQLDatabase

    /// The claims of `store`.
    package init(_ store: RecordStore) { durable = store.durable }

    /// Takes a name; on disk when the call returns.
    /// - Parameter end: When it may be forgotten.
    /// - Returns: Whether nobody had it.
    /// - Throws: `StageError` when the database can't be written.
    package func take(_ name: String, until end: Date) async throws(StageError) -> Bool {
        try await StoreError.bridge("writing the database failed") {
            try await durable.write { connection in
                try connection.execute("DELETE FROM claims WHERE until < ?", [try connection.now()])
                return try connection.execute(
                    "INSERT INTO claims (name, until) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", [name, end]) > 0
            }
        }
    }

    /// Whether somebody has a name.
    /// - Throws: `StageError` when the database can't be read.
    package func isTaken(_ name: String) async throws(StageError) -> Bool {
        try await StoreError.bridge("reading the database failed") {
            try await durable.read { try !$0.query("SELECT 1 AS taken FROM claims WHERE name = ?", [name]).isEmpty }
        }
    }
}
