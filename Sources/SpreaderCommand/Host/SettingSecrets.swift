import PipelineKit

/// Secrets that stages of others need, from environment and `.env`: never the program's own.
struct SettingSecrets: SecretProvider {
    let settings: Settings

    func secret(_ name: String) async throws(StageError) -> Secret {
        guard !Settings.isOwnSecret(name) else {
            throw StageError(
                .notAuthorised, "\(name) is a secret of this program, which stages ask for by their account",
                outcome: .configuration)
        }
        guard let secret = settings.secret(name) else {
            throw StageError(
                .notAuthorised, "there is no secret \(name)", hint: "set it in the environment or in .env",
                outcome: .configuration)
        }
        return secret
    }
}
