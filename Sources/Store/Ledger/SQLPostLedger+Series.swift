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
                return try row.map { try JSONText.decode(try $0.get("cuts")) }
            }
        }
    }

    package func keep(cuts: [Double], _ key: PostKey) async throws(StageError) {
        let text = (try? JSONText.encode(cuts)) ?? "[]"
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
