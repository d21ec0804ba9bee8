package import Foundation
import GRDB
package import PipelineKit

/// How fast uploads went: what can't end within the life of an upload address is not begun.
extension SQLitePostLedger {
    package func note(uploadRate: Double, to service: String) async throws(StageError) {
        let moment = now().timeIntervalSince1970
        try await StoreError.bridge("writing the upload rates failed") {
            try await durable.write { database in
                try database.execute(sql: "DELETE FROM uploadRates WHERE measuredAt < ?", arguments: [moment - 86_400])
                try database.execute(
                    sql: "INSERT INTO uploadRates (service, measuredAt, bytesPerSecond) VALUES (?, ?, ?)",
                    arguments: [service, moment, uploadRate])
            }
        }
    }

    package func uploadRate(to service: String, since moment: Date) async throws(StageError) -> Double? {
        try await StoreError.bridge("reading the upload rates failed") {
            try await durable.read { database in
                try Double.fetchOne(
                    database, sql: "SELECT max(bytesPerSecond) FROM uploadRates WHERE service = ? AND measuredAt >= ?",
                    arguments: [service, moment.timeIntervalSince1970])
            }
        }
    }
}
