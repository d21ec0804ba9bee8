package import Foundation
package import PipelineKit

/// Measured upload rates. An upload that can't finish before its address expires is not started.
extension SQLPostLedger {
    package func note(uploadRate: Double, to service: String) async throws(StageError) {
        try await StoreError.bridge("writing the upload rates failed") {
            try await durable.write { connection in
                let now = try connection.now()
                try connection.execute("DELETE FROM uploadRates WHERE measuredAt < ?", [now - 86_400])
                try connection.execute(
                    "INSERT INTO uploadRates (service, measuredAt, bytesPerSecond) VALUES (?, ?, ?)",
                    [service, now, uploadRate])
            }
        }
    }

    package func uploadRate(to service: String, since date: Date) async throws(StageError) -> Double? {
        try await StoreError.bridge("reading the upload rates failed") {
            try await durable.read { connection in
                try connection.query(
                    "SELECT max(bytesPerSecond) AS rate FROM uploadRates WHERE service = ? AND measuredAt >= ?",
                    [service, date]
                ).first?.get("rate")
            }
        }
    }
}
