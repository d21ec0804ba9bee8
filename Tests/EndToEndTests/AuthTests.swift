import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import PipelineKit
import Testing

extension EndToEnd {
    /// Accounts: connected in a browser or by import, renewed, let go.
    @Suite(.serialized) struct AuthTests {
        /// What a browser would do, without following redirects by itself.
        private struct Browser {
            let client = HTTPClient(
                eventLoopGroupProvider: .singleton, configuration: .init(redirectConfiguration: .disallow))

            func get(_ address: String) async throws -> (status: Int, location: String?, body: String) {
                let response = try await client.execute(HTTPClientRequest(url: address), timeout: .seconds(10))
                let body = try await response.body.collect(upTo: 1 << 20)
                return (Int(response.status.code), response.headers.first(name: "location"), String(buffer: body))
            }
        }

        /// Everything but the tokens of the sandbox's ready account.
        private func app(_ sandbox: Sandbox) -> [String: String] {
            sandbox.environment.filter { !["TIKTOK_ACCESS_TOKEN", "TIKTOK_REFRESH_TOKEN"].contains($0.key) }
        }

        /// Waits for the address that a login prints.
        private func address(printedBy program: Program) async throws -> String {
            for _ in 0..<400 {
                let line = program.messagesSoFar.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
                    .first { $0.contains("/v2/auth/authorize/?") }
                if let line { return line }
                try await Task.sleep(for: .milliseconds(25))
            }
            throw StageError(.internalFault, "no address was printed: \(program.messagesSoFar)")
        }

        /// Logs in through the consent page, which says yes.
        private func login(
            _ place: Place, _ environment: [String: String], account: String = "default"
        ) async throws -> Program.Outcome {
            let program = try Program(
                ["auth", "login", "--no-browser", "--account", account], in: place, environment: environment)
            let browser = Browser()
            let consent = try await browser.get(try await address(printedBy: program) + "&auto=1")
            let back = try #require(consent.location)
            let page = try await browser.get(back)
            #expect(page.status == 200)
            let outcome = try await program.end()
            try await browser.client.shutdown()
            #expect(page.body.contains(outcome.status == 0 ? "Connected" : "Not connected"))
            return outcome
        }

        @Test func aLoginInTheBrowserIsEnoughToPost() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            let environment = app(sandbox)
            try await place.clip("a.mp4")
            let words = ["run", place.pipeline("tiktok"), "a.mp4"]
            let before = try await Program.run(words, in: place, environment: environment)
            #expect(before.status == 77)
            #expect(before.messages.contains("auth login"))

            let outcome = try await login(place, environment)
            #expect(outcome.status == 0, "\(outcome.messages)")
            #expect(outcome.output.contains("Account \"default\" is connected as Sandbox Creator"), "\(outcome.output)")
            let run = try await Program.run(words, in: place, environment: environment)
            #expect(run.status == 0, "\(run.messages)")
            #expect(try await sandbox.posts().count == 1)

            let status = try await Program.run(
                ["auth", "status", "--format", "json"], in: place, environment: environment)
            let answer = try JSONDecoder().decode(JSONValue.self, from: Data(status.output.utf8))
            guard case .array(let accounts)? = answer["accounts"] else {
                Issue.record("\(status.output)")
                return
            }
            #expect(accounts.count == 1)
            #expect(accounts.first?["account"] == "default")
            #expect(accounts.first?["renewable"] == true)
            #expect(accounts.first?["lastUsedAt"]?.stringValue != nil)
            #expect(accounts.first?["expiresAt"]?.stringValue != nil)
            let openID = try #require(accounts.first?["openId"]?.stringValue)
            // Neither tokens nor who it is are on disk in clear.
            let bytes = place.homeBytes()
            for secret in ["act.", "rft.", openID, "Sandbox Creator"] {
                #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(secret.prefix(6)) is on disk")
            }
        }

        @Test func permissionsThatWereUntickedAreExplained() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await sandbox.faults(#"{"settings": {"grantedScopes": ["user.info.basic", "video.upload"]}}"#)
            let outcome = try await login(place, app(sandbox))
            #expect(outcome.status == 0)
            #expect(outcome.output.contains("video.publish was not granted"), "\(outcome.output)")
            #expect(outcome.output.contains("drafts (`mode: inbox`) are"))
        }

        @Test func aVisitThatIsNotThisLoginsAnswerChangesNothing() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            let program = try Program(["auth", "login", "--no-browser"], in: place, environment: app(sandbox))
            let address = try await address(printedBy: program)
            let redirect = try #require(
                URLComponents(string: address)?.queryItems?.first { $0.name == "redirect_uri" }?.value)
            let browser = Browser()
            #expect(try await browser.get(redirect + "?code=stolen&state=guessed").status == 400)
            #expect(try await browser.get(redirect).status == 400)
            let refusal = try #require(
                URLComponents(string: address)?.queryItems?.first { $0.name == "state" }?.value)
            _ = try await browser.get(redirect + "?error=access_denied&error_description=no+thanks&state=\(refusal)")
            let outcome = try await program.end()
            try await browser.client.shutdown()
            #expect(outcome.status == 77)
            #expect(outcome.messages.contains("access_denied"), "\(outcome.messages)")
            #expect(
                try await sandbox.log().contains { $0["path"]?.stringValue == "/v2/oauth/token/" } == false)
        }

        @Test func anInterruptEndsAWaitingLogin() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            let program = try Program(["auth", "login", "--no-browser"], in: place, environment: app(sandbox))
            _ = try await address(printedBy: program)
            program.signal(SIGINT)
            #expect(try await program.end().status == 130)
        }

        @Test func theAddressCanBePasted() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            // The state is known only once the program has printed it, so this shows the refusal of another one.
            let outcome = try await Program.run(
                ["auth", "login", "--paste"], in: place, environment: app(sandbox),
                input: "http://127.0.0.1:3455/callback/?code=c&state=other\n")
            #expect(outcome.status == 77)
            #expect(outcome.messages.contains("does not belong to this login"))
            let nonsense = try await Program.run(
                ["auth", "login", "--paste"], in: place, environment: app(sandbox), input: "hello\n")
            #expect(nonsense.status == 77)
            #expect(nonsense.messages.contains("the address has no code in it"))
        }

        @Test func importedTokensServeTheirAccountAlone() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            let environment = app(sandbox)
            try await place.clip("a.mp4")
            try place.write(
                "brand.json",
                #"{"name": "brand", "inputs": ["a.mp4"], "account": "brand", "post": {"title": "x", "privacyLevel": "SELF_ONLY"}, "stages": [{"uses": "probe"}, {"uses": "transcode"}, {"uses": "chunk"}, {"uses": "upload"}, {"uses": "publish"}]}"#
            )
            let lines = "TIKTOK_ACCESS_TOKEN=\(sandbox.environment["TIKTOK_ACCESS_TOKEN"] ?? "")\n"
            let imported = try await Program.run(
                ["auth", "import", "--stdin", "--account", "brand"], in: place, environment: environment, input: lines)
            #expect(imported.status == 0, "\(imported.messages)")
            // The environment's tokens name no account: those of another one are not taken for it.
            var wrong = environment
            wrong["TIKTOK_ACCESS_TOKEN"] = "act.of.another.account"
            let run = try await Program.run(["run", "brand.json"], in: place, environment: wrong)
            #expect(run.status == 0, "\(run.messages)")
            let usual = try await Program.run(
                ["run", place.pipeline("tiktok"), "a.mp4"], in: place, environment: environment)
            #expect(usual.status == 77)
            let refused = try await Program.run(
                ["auth", "import", "--stdin"], in: place, environment: environment,
                input: "TIKTOK_ACCESS_TOKEN=act.dead")
            #expect(refused.status == 77)
            let nothing = try await Program.run(
                ["auth", "import", "--stdin"], in: place, environment: environment, input: "hello")
            #expect(nothing.status == 65)
        }

        /// Importing only a refresh token uses it up; the environment goes on naming it.
        @Test func anImportedRefreshTokenIsNotUsedAgainFromTheEnvironment() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            var environment = app(sandbox)
            environment["TIKTOK_REFRESH_TOKEN"] = sandbox.environment["TIKTOK_REFRESH_TOKEN"]
            let imported = try await Program.run(["auth", "import"], in: place, environment: environment)
            #expect(imported.status == 0, "\(imported.messages)")
            let run = try await Program.run(
                ["run", place.pipeline("tiktok"), "a.mp4"], in: place, environment: environment)
            #expect(run.status == 0, "\(run.messages)")
        }

        @Test func tenProcessesThatRenewAtOnceAllGoOnWorking() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            let environment = app(sandbox)
            #expect(try await login(place, environment).status == 0)
            let outcomes = try await withThrowingTaskGroup(of: Program.Outcome.self) { group in
                for _ in 0..<10 {
                    group.addTask { try await Program.run(["auth", "refresh"], in: place, environment: environment) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for outcome in outcomes { #expect(outcome.status == 0, "\(outcome.messages)") }
            // The chain of refresh tokens is whole: the next one works too.
            #expect(try await Program.run(["auth", "refresh"], in: place, environment: environment).status == 0)
        }

        @Test func aLoggedOutAccountIsNotPostedToWithTheEnvironmentsTokens() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            let stages =
                #"[{"uses": "probe"}, {"uses": "transcode"}, {"uses": "chunk"}, {"uses": "upload"}, {"uses": "publish"}]"#
            try place.write("p.json", #"{"account": "brand", "stages": \#(stages)}"#)
            #expect(try await login(place, app(sandbox), account: "brand").status == 0)
            let logout = try await Program.run(
                ["auth", "logout", "--account", "brand"], in: place, environment: app(sandbox))
            #expect(logout.status == 0, "\(logout.messages)")
            // The environment names the tokens of somebody else.
            let run = try await Program.run(["run", "p.json", "a.mp4"], in: place, environment: sandbox.environment)
            #expect(run.status == 77, "\(run.messages)")
            #expect(run.messages.contains("\"brand\" is no longer connected: it was logged out on"))
            #expect(run.messages.contains("auth login --account brand"))
            #expect(run.messages.contains("a.mp4") == false, "refused before any work")
            #expect(try await sandbox.posts().isEmpty)
            let bytes = place.homeBytes()
            #expect(bytes.range(of: Data("act.".utf8)) == nil)
            #expect(try await login(place, app(sandbox), account: "brand").status == 0)
            let again = try await Program.run(["run", "p.json", "a.mp4"], in: place, environment: sandbox.environment)
            #expect(again.status == 0, "\(again.messages)")
        }

        @Test func anotherCreatorCannotTakeAnAccountsName() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            let environment = app(sandbox)
            #expect(try await login(place, environment).status == 0)
            try await sandbox.faults(#"{"settings": {"accountOpenID": "-000other"}}"#)
            let other = try await login(place, environment)
            #expect(other.status == 77)
            #expect(other.messages.contains("belongs to another TikTok user, Sandbox Creator"), "\(other.messages)")
            #expect(other.messages.contains("--account"))
            // The first login is as it was, and the other one has room under a name of its own.
            let refresh = try await Program.run(["auth", "refresh"], in: place, environment: environment)
            #expect(refresh.status == 0, "\(refresh.messages)")
            #expect(try await login(place, environment, account: "second").status == 0)
        }

        @Test(arguments: [["auth", "logout"], ["auth", "import", "--stdin"]])
        func whoChangesAnAccountsTokensWaitsForWhoeverDoes(words: [String]) async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            let environment = app(sandbox)
            #expect(try await login(place, environment).status == 0)
            try await sandbox.faults(
                #"{"rules": [{"match": {"path": "/v2/oauth/token/"}, "action": {"delay": 1.5}}]}"#)
            let refresh = try Program(["auth", "refresh"], in: place, environment: environment)
            let locks = place.home.appending(path: "spreader.db.locks").path
            for _ in 0..<400 where try FileManager.default.contentsOfDirectory(atPath: locks).isEmpty {
                try await Task.sleep(for: .milliseconds(10))
            }
            let tokens = #"{"access_token": "\#(sandbox.environment["TIKTOK_ACCESS_TOKEN"] ?? "")"}"#
            let other = try await Program.run(
                words, in: place, environment: environment, input: words.last == "--stdin" ? tokens : nil)
            #expect(other.status == 0, "\(other.messages)")
            #expect(try await refresh.end().status == 0)
            // The second one's request, with the tokens that the first one got, comes after the first one's answer.
            let paths = try await sandbox.log().compactMap { $0["path"]?.stringValue }
            let renewal = try #require(paths.lastIndex(of: "/v2/oauth/token/"))
            let change = words.last == "--stdin" ? "/v2/user/info/" : "/v2/oauth/revoke/"
            #expect(try #require(paths.lastIndex(of: change)) > renewal, "\(paths)")
        }

        @Test func logoutRevokesAndForgettingErases() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            let environment = app(sandbox)
            try await place.clip("a.mp4")
            #expect(try await login(place, environment).status == 0)
            let words = ["run", place.pipeline("tiktok"), "a.mp4", "--post", "title=personal words"]
            #expect(try await Program.run(words, in: place, environment: environment).status == 0)
            let publishID = try #require(try await sandbox.posts().first?["publishId"]?.stringValue)
            #expect(place.homeBytes().range(of: Data(publishID.utf8)) != nil)

            let out = try await Program.run(["auth", "logout"], in: place, environment: environment)
            #expect(out.status == 0, "\(out.messages)")
            #expect(try await sandbox.log().contains { $0["path"]?.stringValue == "/v2/oauth/revoke/" })
            #expect(try await Program.run(["auth", "status"], in: place, environment: environment).status == 77)
            #expect(try await Program.run(["auth", "logout"], in: place, environment: environment).status == 77)

            let gone = try await Program.run(["auth", "forget"], in: place, environment: environment)
            #expect(gone.status == 0, "\(gone.messages)")
            let posts = try await Program.run(
                ["posts", "list", "--format", "json"], in: place, environment: environment)
            for text in ["personal words", publishID, "sandbox.creator"] { #expect(!posts.output.contains(text)) }
            #expect(posts.output.contains("published"))
            // Nothing of it is left on disk, not even in free pages.
            let bytes = place.homeBytes()
            for text in ["personal words", publishID, "sandbox.creator"] {
                #expect(bytes.range(of: Data(text.utf8)) == nil, "\(text)")
            }

            // Connected again, the same file is still known as posted.
            #expect(try await login(place, environment).status == 0)
            let again = try await Program.run(words, in: place, environment: environment)
            #expect(again.status == 0, "\(again.messages)")
            #expect(try await sandbox.posts().count == 1)
        }

        @Test func aNewVaultKeyOpensWhatTheOldOneSealed() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            let environment = app(sandbox)
            #expect(try await login(place, environment).status == 0)
            let key = place.home.appending(path: "vault.key")
            let old = try String(contentsOf: key, encoding: .utf8)
            let rekeyed = try await Program.run(["auth", "rekey"], in: place, environment: environment)
            #expect(rekeyed.status == 0, "\(rekeyed.messages)")
            let lines = try String(contentsOf: key, encoding: .utf8).split(separator: "\n")
            #expect(lines.count == 2 && lines[1] == old.split(separator: "\n")[0])
            // Again and again: what an older key sealed is still opened.
            for _ in 0..<2 {
                #expect(try await Program.run(["auth", "rekey"], in: place, environment: environment).status == 0)
            }
            #expect(try await Program.run(["auth", "status"], in: place, environment: environment).status == 0)
            let newest = try String(contentsOf: key, encoding: .utf8).split(separator: "\n")
            #expect(newest.count == 4 && newest[3] == lines[1])
            // The new key alone is enough.
            try Data((newest[0] + "\n").utf8).write(to: key)
            #expect(try await Program.run(["auth", "refresh"], in: place, environment: environment).status == 0)
            // The old one is not.
            try Data(old.utf8).write(to: key)
            #expect(try await Program.run(["auth", "status"], in: place, environment: environment).status == 78)
        }
    }
}
