import ArgumentParser
import Foundation
import PipelineKit
import SpreaderApp
import Store

extension Auth {
    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Import tokens that were issued elsewhere, such as for a CI machine.",
            discussion: """
                Reads TIKTOK_ACCESS_TOKEN and TIKTOK_REFRESH_TOKEN from the environment or .env; with --stdin, reads \
                TikTok's JSON token response or NAME=VALUE lines. Takes no tokens as arguments, because other users of \
                the machine can see them.
                """)

        @OptionGroup var account: Account

        @Flag(help: "Read the tokens from standard input.") var stdin = false

        func run() async throws {
            let desk = try await account.desk()
            let given: TokenSet
            if stdin {
                let data = await BlockingWork.run(name: "stdin") { _ in
                    try? FileHandle.standardInput.read(upToCount: 1 << 16)
                }
                guard let tokens = Self.tokens(in: data ?? Data()) else {
                    Output.message(
                        "error: standard input is neither TikTok's token JSON nor lines such as TIKTOK_REFRESH_TOKEN=rft.…"
                    )
                    throw ExitCode(65)
                }
                given = tokens
            } else {
                let access = desk.settings.secret("TIKTOK_ACCESS_TOKEN")
                let refresh = desk.settings.secret("TIKTOK_REFRESH_TOKEN")
                guard access != nil || refresh != nil else {
                    Output.message(
                        "error: neither TIKTOK_ACCESS_TOKEN nor TIKTOK_REFRESH_TOKEN is set (set one, or use --stdin)"
                    )
                    throw ExitCode(77)
                }
                given = TokenSet(accessToken: access ?? Secret(""), refreshToken: refresh)
            }
            for line in try await desk.adopt(given, isSeed: !stdin, as: account.name) { Output.result(line) }
        }

        /// Parses TikTok's JSON token response, or the lines of a `.env` file. Returns nil without a usable token.
        static func tokens(in data: Data) -> TokenSet? {
            var values: [String: String] = [:]
            var ends: Double?
            var refreshEnds: Double?
            if let json = try? JSONDecoder().decode(JSONValue.self, from: data), case .object = json {
                values["access"] = json["access_token"]?.stringValue
                values["refresh"] = json["refresh_token"]?.stringValue
                values["scope"] = json["scope"]?.stringValue
                ends = json["expires_in"]?.doubleValue
                refreshEnds = json["refresh_expires_in"]?.doubleValue
            } else {
                let names = ["TIKTOK_ACCESS_TOKEN": "access", "TIKTOK_REFRESH_TOKEN": "refresh"]
                for line in String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline) {
                    let parts = line.split(separator: "=", maxSplits: 1).map {
                        $0.trimmingCharacters(in: .whitespaces).trimmingCharacters(in: ["\"", "'"])
                    }
                    guard parts.count == 2, let name = names[parts[0].replacing("export ", with: "")] else { continue }
                    values[name] = parts[1]
                }
            }
            let access = values["access"] ?? ""
            let refresh = values["refresh"].flatMap { $0.isEmpty ? nil : $0 }
            // Tokens are sent in HTTP headers, which allow only printable ASCII.
            let isClean = (access + (refresh ?? "")).utf8.allSatisfy { (0x21...0x7E).contains($0) }
            guard isClean, !access.isEmpty || refresh != nil else { return nil }
            let now = Date()
            return TokenSet(
                accessToken: Secret(access), refreshToken: refresh.map { Secret($0) },
                expiresAt: ends.map(now.addingTimeInterval), refreshExpiresAt: refreshEnds.map(now.addingTimeInterval),
                scopes: values["scope"]?.split(separator: ",").map(String.init))
        }
    }
}
