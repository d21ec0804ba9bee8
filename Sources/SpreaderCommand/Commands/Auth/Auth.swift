import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import Posting
import SpreaderApp
import StageHosting
import Store

struct Auth: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connect TikTok accounts and manage their tokens.",
        discussion: """
            Tokens are stored encrypted in the database. A pipeline selects its account by name ("account": "brand"), \
            or uses "default".
            """,
        subcommands: [
            Login.self, Import.self, Status.self, Refresh.self, Logout.self, Forget.self, Rekey.self,
        ], defaultSubcommand: Status.self)

    /// The options that most `auth` commands share.
    struct Account: ParsableArguments {
        @Option(name: .customLong("account"), help: "Account name, as used in pipelines.")
        var name = VaultCredentials.usualAccount

        @OptionGroup var database: DatabaseOption

        func validate() throws {
            guard AccountName.isValid(name) else {
                throw ValidationError("--account takes letters, digits, dots, dashes and underscores, up to 64")
            }
        }

        /// Opens the database that the settings or `--db` select.
        func desk() async throws -> AccountService {
            let settings = try await Settings.load()
            return AccountService(
                settings: settings, assembly: try await HostAssembly.open(settings, database: database.db))
        }
    }

    struct Refresh: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Renew the access token of an account now.",
            discussion: "Runs renew tokens automatically; use this to check that it works. Safe during runs.")

        @OptionGroup var account: Account

        func run() async throws {
            let desk = try await account.desk()
            let credentials = try await desk.assembly.credentials()
            let current = try await credentials.tokens(for: account.name)
            let renewed = try await credentials.renewed(for: account.name, after: current.accessToken)
            let end = renewed.expiresAt.map { "; it expires \($0.forTables)" } ?? ""
            Output.result("account \"\(account.name)\" has a new access token\(end)")
        }
    }

    struct Logout: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Disconnect an account: revoke its tokens at TikTok and delete them here.",
            discussion: "Keeps its posts in the ledger, so that nothing is posted twice; `auth forget` erases them too."
        )

        @OptionGroup var account: Account
        @Flag(name: .customLong("local"), help: "Delete the tokens without revoking them.") var isLocal = false

        func run() async throws {
            let desk = try await account.desk()
            Output.result(try await desk.disconnect(account.name, isLocal: isLocal))
        }
    }

    struct Forget: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Erase an account and its personal data.",
            discussion: """
                Revokes and deletes its tokens, and removes titles, names, IDs and addresses from its posts in the \
                ledger. Keeps a digest of each posted file, so that it is not posted again by mistake.
                """)

        @OptionGroup var account: Account
        @Flag(name: .customLong("local"), help: "Erase the account without revoking its tokens.") var isLocal = false

        func run() async throws {
            let desk = try await account.desk()
            // After a logout there is nothing to disconnect, but there are still records to erase.
            let isConnected = try await desk.assembly.vault.account(desk.settings.accountID(account.name)) != nil
            let words =
                isConnected
                ? try await desk.disconnect(account.name, isLocal: isLocal, forgetting: true)
                : "account \"\(account.name)\" is not connected"
            let gone = try await desk.assembly.store.forget(
                account: desk.settings.accountID(account.name).identity)
            Output.result(words)
            Output.result(
                "\(gone.posts) \(gone.posts == 1 ? "post" : "posts") in the ledger anonymised, \(gone.records) run records deleted"
            )
        }
    }

    struct Rekey: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Encrypt all tokens and upload addresses with a new key.",
            discussion: """
                With a key file, generates a new key and puts it in front of the old one. With SPREADER_VAULT_KEY, set \
                it to NEW,OLD, run this command, then remove the old key.
                """)

        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let settings = try await Settings.load()
            // Opening the records checks the key before anything changes.
            let before = try await HostAssembly.open(settings, database: database.db)
            try await before.locks.with(
                "rekey", orThrow: StageError(.busy, "another process is changing the key", hint: "try again")
            ) { () async throws(StageError) in try await sealAnew(before) }
        }

        private func sealAnew(_ before: HostAssembly) async throws(StageError) {
            let isShared = if case .postgres = try before.settings.database(flag: database.db) { true } else { false }
            guard !isShared || before.settings.secret("SPREADER_VAULT_KEY") != nil else {
                throw StageError(
                    .configuration,
                    "the database is shared, and a new key file on this machine would lock out the others",
                    hint: "set SPREADER_VAULT_KEY to NEW,OLD on all machines, then run this command on one of them")
            }
            _ = try await before.vault.reseal()
            if before.settings.secret("SPREADER_VAULT_KEY") == nil {
                do throws(StoreError) {
                    try VaultKeyFile(url: before.settings.vaultKeyFile).rotate()
                } catch {
                    throw error.asStageError
                }
            }
            let assembly = try await HostAssembly.open(before.settings, database: database.db)
            let count = try await assembly.vault.reseal()
            Output.result(
                "\(count) \(count == 1 ? "secret is" : "secrets are") now encrypted with key \(assembly.sealer.keyID)")
        }
    }
}
