package import Foundation
package import PipelineKit

/// Names that only one process can take, until they expire: used login states, webhooks already handled.
package struct SQLClaims: Sendable {
    private let durable: any SQLDatabase

    package init(_ store: RecordStore) { durable = store.durable }

    /// Takes a name; the claim is on disk when the call returns.
    /// - Parameter end: When the claim expires.
    /// - Returns: False when the name is already taken.
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

    /// Whether a name is taken.
    /// - Throws: `StageError` when the database can't be read.
    package func isTaken(_ name: String) async throws(StageError) -> Bool {
        try await StoreError.bridge("reading the database failed") {
            try await durable.read { try !$0.query("SELECT 1 AS taken FROM claims WHERE name = ?", [name]).isEmpty }
        }
    }
}
