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
    }
}
