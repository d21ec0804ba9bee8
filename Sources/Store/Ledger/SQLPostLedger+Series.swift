import Foundation
package import PipelineKit
package import Posting

extension SQLPostLedger {
    package func cuts(_ key: PostKey) async throws(StageError) -> [Double]? {
        try await StoreError.bridge("reading the post ledger failed") {
            try await durable.read { connection in
                let row = try connection.query(
                    "SELECT cuts FROM seriesCuts WHERE account = ? AND digest = ? AND slot = ?",
                    [key.account, key.digest, key.slot]
                ).first
                return try row.map { row in
                    try JSONDecoder().decode([Double].self, from: Data(try row.get("cuts", as: String.self).utf8))
                }
            }
        }
    }

    package func keep(cuts: [Double], _ key: PostKey) async throws(StageError) {
        let text = String(decoding: (try? JSONEncoder().encode(cuts)) ?? Data("[]".utf8), as: UTF8.self)
        _ = try await StoreError.bridge("writing the post ledger failed") {
            try await durable.write { connection in
                try connection.execute(
                    """
                    INSERT INTO seriesCuts (account, digest, slot, cuts) VALUES (?, ?, ?, ?)
                    ON CONFLICT (account, digest, slot) DO UPDATE SET cuts = excluded.cuts
                    """, [key.account, key.digest, key.slot, text])
            }
        }
    }
}
