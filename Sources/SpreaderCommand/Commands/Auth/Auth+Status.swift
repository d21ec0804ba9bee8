import ArgumentParser
import Foundation
import PipelineKit
import SpreaderApp
import Store

extension Auth {
    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the connected accounts.",
            discussion: "Reads only the vault, without asking TikTok. Exits 77 if no account is connected.")

        @OptionGroup var database: DatabaseOption
        @OptionGroup var output: FormatOption

        func run() async throws {
            let settings = try await Settings.load()
            let records = try await HostAssembly.open(settings, database: database.db).vault.accounts()
            let isGiven = settings["TIKTOK_ACCESS_TOKEN"] != nil || settings["TIKTOK_REFRESH_TOKEN"] != nil
            if output.format == .json {
                Output.result(
                    try JSONValue.object([
                        "accounts": .array(records.map(Self.json)), "environmentHasTokens": .bool(isGiven),
                    ]).text(pretty: true))
            } else {
                for record in records { Output.result(Self.text(record, at: Date())) }
                if isGiven {
                    Output.message(
                        "note: the environment has tokens; they are used for \"default\" and for accounts without a login"
                    )
                } else if records.isEmpty {
                    Output.message("no account is connected (connect one with: spreader-pipeline auth login)")
                }
            }
            if records.isEmpty, !isGiven { throw ExitCode(77) }
        }

        private static func text(_ record: AccountRecord, at now: Date) -> String {
            func end(_ date: Date?) -> String {
                date.map { $0 <= now ? "expired \($0.forTables)" : "until \($0.forTables)" } ?? "unknown"
            }
            let owner = record.profile?.words.map { "  \($0)" } ?? ""
            let renewal = record.canRenew ? ", renewed automatically" : ", can't be renewed"
            let rows: [[String]] = [
                ["state", record.endedBecause.map { "ended: \($0)" } ?? "connected"],
                ["service", record.id.service.isEmpty ? "unknown" : record.id.service],
                ["scopes", record.scopes?.joined(separator: ", ") ?? "unknown"],
                ["access", "\(end(record.expiresAt))\(renewal)"], ["login", end(record.refreshExpiresAt)],
                ["last use", record.usedAt.map(\.forTables) ?? "never"],
            ]
            return "\(record.id.name)\(owner)\n" + Output.table(rows, indent: "  ")
        }

        private static func json(_ record: AccountRecord) -> JSONValue {
            func moment(_ date: Date?) -> JSONValue { date.map { .string($0.formatted(.iso8601)) } ?? .null }
            func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
            let scopes: JSONValue = record.scopes.map { .array($0.map(JSONValue.string)) } ?? .null
            let members: [String: JSONValue] = [
                "account": .string(record.id.name), "service": .string(record.id.service),
                "openId": text(record.profile?.openID), "displayName": text(record.profile?.displayName),
                "username": text(record.profile?.username), "scopes": scopes,
                "expiresAt": moment(record.expiresAt), "refreshExpiresAt": moment(record.refreshExpiresAt),
                "renewable": .bool(record.canRenew), "connectedAt": moment(record.connectedAt),
                "lastUsedAt": moment(record.usedAt), "ended": text(record.endedBecause),
            ]
            return .object(members)
        }
    }
}
