import Foundation
import PipelineKit
import Testing

extension EndToEnd {
    /// Tokens are planted everywhere a run gets them from, and looked for everywhere it writes.
    @Suite(.serialized) struct SecretTests {
        @Test func noSecretIsLeftAnywhere() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4", seconds: 1)
            // A refused token, a server that fails, a connection that breaks, an upload that is told off: every path
            // that writes about what it sent.
            try await sandbox.faults(
                #"""
                {"settings": {"failReason": "spam_risk_text"}, "rules": [
                  {"match": {"path": "/v2/post/publish/creator_info/query/"}, "action": {"answer": {"status": 401, "code": "access_token_invalid"}}},
                  {"match": {"path": "/v2/post/publish/creator_info/query/"}, "action": {"answer": {"status": 500}}},
                  {"match": {"path": "/upload/", "method": "PUT"}, "action": {"answer": {"status": 503}}},
                  {"match": {"path": "/upload/", "method": "PUT"}, "action": {"drop": {"afterBytes": 1000}}},
                  {"match": {"path": "/v2/post/publish/status/fetch/"}, "action": {"garbage": true}}]}
                """#)
            var environment = sandbox.environment
            environment["SPREADER_LOG"] = "trace"
            environment["SPREADER_VAULT_KEY"] = Data((0..<32).map { UInt8($0 &* 7 &+ 3) }).base64EncodedString()
            let secrets = [
                "TIKTOK_CLIENT_SECRET", "TIKTOK_ACCESS_TOKEN", "TIKTOK_REFRESH_TOKEN", "SPREADER_VAULT_KEY",
            ].map { environment[$0] ?? "missing" }
            var texts: [(String, Data)] = []
            for format in ["json", "text"] {
                let run = try Program(
                    ["run", place.pipeline("tiktok"), "a.mp4", "--format", format, "--keep"], in: place,
                    environment: environment)
                // What anyone on the machine can list.
                var lines = Data()
                for _ in 0..<40 {
                    lines += Self.commandLines()
                    try await Task.sleep(for: .milliseconds(25))
                }
                let outcome = try await run.end()
                #expect(outcome.status == 65, "\(outcome.messages)")
                texts += [
                    ("output", Data(outcome.output.utf8)), ("messages", Data(outcome.messages.utf8)),
                    ("process list", lines),
                ]
            }
            for words in [["posts", "list", "--format", "json"], ["runs", "list"], ["doctor"], ["auth", "status"]] {
                let outcome = try await Program.run(words, in: place, environment: environment)
                texts.append((words.joined(separator: " "), Data((outcome.output + outcome.messages).utf8)))
            }
            texts.append(("the home folder", place.homeBytes()))
            for (name, data) in texts {
                for secret in secrets + ["act.", "rft.", "upload_token="] {
                    #expect(data.range(of: Data(secret.utf8)) == nil, "\(secret.prefix(6))… is in \(name)")
                }
            }
        }

        /// The arguments of every process.
        private static func commandLines() -> Data {
            let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            return processes.filter { Int($0) != nil }.reduce(into: Data()) { data, process in
                data += FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
            }
        }

        /// A place with a stage that takes a token, and a pipeline that gives it `${KEY}`.
        private func vault() async throws -> Place {
            let place = try Place()
            try await place.clip("a.mp4")
            let new = try await Program.run(["plugins", "new", "vault", "--language", "python"], in: place)
            #expect(new.status == 0, "\(new.messages)")
            let file = place.work.appending(path: "plugins/vault/vault_stage.py")
            let options = """
                    options = {
                        "token": {"type": "string", "minLength": 10, "writeOnly": True, "description": "A token."},
                        "most": {"type": "integer", "maximum": 9, "description": "A number."},
                """
            let code = try String(contentsOf: file, encoding: .utf8).replacing("    options = {", with: options)
            try Data(code.utf8).write(to: file)
            try place.write(
                "v.json",
                #"{"name": "v", "stages": [{"uses": "probe"}, {"uses": "vault", "with": {"token": "${KEY}"}}]}"#)
            return place
        }

        @Test func wrongSecretsAreNotShown() async throws {
            let place = try await vault()
            for (key, words) in [("short-k", []), ("long-enough-key", ["--set", "vault.token=sesame9"])] {
                for format in ["text", "json"] {
                    let outcome = try await Program.run(
                        ["run", "v.json", "a.mp4", "--format", format] + words, in: place, environment: ["KEY": key])
                    let text = outcome.output + outcome.messages
                    #expect(outcome.status == 65)
                    #expect(text.contains("must be at least 10 characters, not its secret value"), "\(text)")
                    #expect(!text.contains("short-k") && !text.contains("sesame9"), "\(text)")
                    if !words.isEmpty { #expect(text.contains("--set vault.token=…")) }
                }
            }
            let misspelt = try await Program.run(
                ["run", "v.json", "a.mp4", "--set", "vault.tokn=sesame9"], in: place,
                environment: ["KEY": "long-enough"])
            #expect(misspelt.messages.contains("--set vault.tokn=…: error: unknown key"), "\(misspelt.messages)")
            let stage = try await Program.run(["stages", "vault"], in: place)
            #expect(stage.output.contains("most  (integer; at most 9)"), "\(stage.output)")
        }

        @Test func noRecordTakesASecretFromTheCommandLine() async throws {
            let place = try await vault()
            for words in [
                ["run", "v.json", "a.mp4", "--format", "json"], ["enqueue", "v.json", "a.mp4"],
                ["watch", ".", "--pipeline", "v.json", "--once"],
            ] {
                let outcome = try await Program.run(
                    words + ["--set", "vault.token=open-sesame-99"], in: place, environment: ["KEY": "long-enough-key"])
                let text = outcome.output + outcome.messages
                #expect(outcome.status == 78, "\(words): \(text)")
                #expect(
                    text.contains("--set sets the secret option vault.token, which must not be stored in a "), "\(text)"
                )
                #expect(!text.contains("open-sesame"))
            }
            #expect(place.homeBytes().range(of: Data("open-sesame".utf8)) == nil)
        }

        @Test func plansAndTheirChangesHideWhatLooksLikeAToken() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            let words = ["--sandbox", "--save", "p.plan"]
            try place.write(
                "p.json",
                """
                {"name": "p", "post": {"title": "${TITLE}"}, "inputs": ["a.mp4"], "stages": [{"uses": "probe"},
                 {"uses": "transcode"}, {"uses": "chunk"}, {"uses": "upload"}, {"uses": "publish"}]}
                """)
            for format in ["text", "json"] {
                let plan = try await Program.run(
                    ["plan", "p.json", "--format", format] + words, in: place,
                    environment: ["TITLE": "act.0123456789abcdef", "TIKTOK_API": "zzz"])
                #expect(plan.status == 0, "\(plan.messages)")
                #expect(plan.output.contains("with the title") && !plan.output.contains("0123456789"), "\(plan.output)")
            }
            for words in [["--dry-run"], ["--format", "json"]] {
                let run = try await Program.run(
                    ["run", "--plan", "p.plan"] + words, in: place, environment: ["TITLE": "act.abcdef9876543210"])
                let text = run.output + run.messages
                #expect(run.status == 65)
                #expect(text.contains("post.title is") && !text.contains("0123456789"), "\(text)")
                #expect(!text.contains("9876543210"), "\(text)")
            }
        }
    }
}
