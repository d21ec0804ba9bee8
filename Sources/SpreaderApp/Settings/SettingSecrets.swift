import PipelineKit

/// Secrets for plugin stages, from the environment and `.env`. Never gives out the program's own secrets.
package struct SettingSecrets: SecretProvider {
    let settings: Settings

    func secret(_ name: String) async throws(StageError) -> Secret {
        guard !Settings.isOwnSecret(name) else {
            throw StageError(
                .notAuthorised, "\(name) is a secret of this program, which stages can't read",
                outcome: .configuration)
        }
        guard let secret = settings.secret(name) else {
            throw StageError(
                .notAuthorised, "the secret \(name) is not set", hint: "set it in the environment or in .env",
                outcome: .configuration)
        }
        return secret
    }
}
