import Foundation
package import PipelineKit

extension TokenVault {
    /// Checks that this machine has the vault key of the shared database. The first machine to call it sets the key.
    /// - Throws: `StageError` with code `configuration` when the key differs.
    package func checkKey() async throws(StageError) {
        guard durable.dialect == .postgresql else { return }
        let probe = try await StoreError.bridge("reading the vault failed") {
            if let probe = try await durable.read({ try Self.probe($0) }) { return probe }
            let sealed = try sealer.seal(Secret("spreader-pipeline"), context: "probe:key")
            return try await durable.write { connection in
                try connection.execute(
                    "INSERT INTO vaultProbe (id, probe) VALUES ('key', ?) ON CONFLICT (id) DO NOTHING", [sealed])
                return try Self.probe(connection) ?? sealed
            }
        }
        do throws(StoreError) {
            _ = try sealer.open(probe, context: "probe:key")
        } catch {
            throw StageError(
                .configuration, "this machine's vault key differs from the one that encrypts the database",
                hint: "set SPREADER_VAULT_KEY to the same key on all machines; the first has it in its vault.key")
        }
    }

    private static func probe(_ connection: any SQLConnection) throws -> Data? {
        try connection.query("SELECT probe FROM vaultProbe WHERE id = 'key'").first?.get("probe")
    }
}
