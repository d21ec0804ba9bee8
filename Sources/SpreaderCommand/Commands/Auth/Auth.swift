import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import Posting
import StageHosting
import Store

/// `auth login|import|status|refresh|logout|forget|rekey`.
struct Auth: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connect TikTok accounts and look after their tokens.",
        discussion: """
            Tokens are kept encrypted in the database. A pipeline picks its account by name ("account": "brand"); \
            one that names none uses "default".
            """,
        subcommands: [
            Login.self, Import.self, Status.self, Refresh.self, Logout.self, Forget.self, Rekey.self,
        ], defaultSubcommand: Status.self)

    /// What most of them take.
    struct Account: ParsableArguments {
        @Option(name: .customLong("account"), help: "The account's name, as pipelines use it.")
        var name = VaultCredentials.usualAccount

        @Option(help: ArgumentHelp("Database: sqlite:PATH or postgres://…", valueName: "url")) var db: String?

        func validate() throws {
            guard AccountName.isValid(name) else {
                throw ValidationError("--account takes letters, digits, dots, dashes and underscores, up to 64")
            }
        }

        /// The desk of the settings and the database that were named.
        func desk() async throws -> AccountDesk {
            let settings = try await Command.settings()
            return try await Command.orExit { () async throws(StageError) in
                AccountDesk(settings: settings, assembly: try await HostAssembly.open(settings, database: db))
            }
        }
    }

    struct Refresh: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Renew an account's access token now.",
            discussion: "Runs do that by themselves; this shows whether it works. Safe beside runs.")

        @OptionGroup var account: Account

        func run() async throws {
            let desk = try await account.desk()
            try await Command.orExit { () async throws(StageError) in
                let credentials = try await desk.assembly.credentials()
                let current = try await credentials.tokens(for: account.name)
                let renewed = try await credentials.renewed(for: account.name, after: current.accessToken)
                let end = renewed.expiresAt.map { "; it ends \(Command.moment($0))" } ?? ""
                Output.result("account \"\(account.name)\" has a new access token\(end)")
            }
        }
    }

    struct Logout: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End an account's connection: revoke its tokens at TikTok and delete them here.",
            discussion: "Its posts stay in the ledger, so that nothing is posted twice; `auth forget` erases those too."
        )

        @OptionGroup var account: Account
        @Flag(name: .customLong("local"), help: "Only delete the tokens here; don't ask TikTok.") var isLocal = false

        func run() async throws {
            let desk = try await account.desk()
            try await Command.orExit { () async throws(StageError) in
                Output.result(try await desk.disconnect(account.name, isLocal: isLocal))
            }
        }
    }

    struct Forget: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Erase an account and all that refers to it.",
            discussion: """
                Revokes and deletes its tokens, and empties its posts in the ledger of titles, names, ids and addresses. \
                What stays is a digest of each posted file, without which it could be posted again by mistake.
                """)

        @OptionGroup var account: Account
        @Flag(name: .customLong("local"), help: "Only erase it here; don't ask TikTok.") var isLocal = false

        func run() async throws {
            let desk = try await account.desk()
            try await Command.orExit { () async throws(StageError) in
                // After a logout there is nothing to disconnect, and still much to erase.
                let isConnected = try await desk.assembly.vault.account(desk.settings.accountID(account.name)) != nil
                let words =
                    isConnected
                    ? try await desk.disconnect(account.name, isLocal: isLocal, forgetting: true)
                    : "account \"\(account.name)\" is not connected"
                let gone = try await desk.assembly.store.forget(
                    account: desk.settings.accountID(account.name).identity)
                Output.result(words)
                Output.result(
                    "\(gone.posts) \(gone.posts == 1 ? "post" : "posts") in the ledger emptied, \(gone.records) records of runs erased"
                )
            }
        }
    }

    struct Rekey: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Encrypt all tokens and upload addresses with a new key.",
            discussion: """
                With a key file, a new key is made and put in front of the old one. With SPREADER_VAULT_KEY, put the new \
                key in front of the old one, parted by a comma (NEW,OLD), run this, then drop the old one.
                """)

        @Option(help: ArgumentHelp("Database: sqlite:PATH or postgres://…", valueName: "url")) var db: String?

        func run() async throws {
            let settings = try await Command.settings()
            try await Command.orExit { () async throws(StageError) in
                // Everything has to open before anything is changed.
                let before = try await HostAssembly.open(settings, database: db)
                try await before.locks.with(
                    "rekey", orThrow: StageError(.busy, "another process is changing the key", hint: "try again")
                ) { () async throws(StageError) in try await sealAnew(before) }
            }
        }

        private func sealAnew(_ before: HostAssembly) async throws(StageError) {
            let isShared = if case .postgres = try before.settings.database(flag: db) { true } else { false }
            guard !isShared || before.settings.secret("SPREADER_VAULT_KEY") != nil else {
                throw StageError(
                    .configuration,
                    "the database is shared, and a new key in this machine's file would lock out the others",
                    hint: "set SPREADER_VAULT_KEY to NEW,OLD on all machines first, then run this on one of them")
            }
            _ = try await before.vault.sealAnew()
            if before.settings.secret("SPREADER_VAULT_KEY") == nil {
                do throws(StoreError) {
                    try VaultKeyFile(url: before.settings.vaultKeyFile).rotate()
                } catch {
                    throw error.asStageError
                }
            }
            let assembly = try await HostAssembly.open(before.settings, database: db)
            let count = try await assembly.vault.sealAnew()
            Output.result(
                "\(count) \(count == 1 ? "secret is" : "secrets are") sealed with key \(assembly.sealer.keyID)")
        }
    }
}
