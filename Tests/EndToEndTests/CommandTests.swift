import Foundation
import PipelineKit
import Testing

extension EndToEnd {
    /// Exit statuses, checks and the smaller commands.
    @Suite(.serialized) struct CommandTests {
        @Test func usageErrorsExit64() async throws {
            let place = try Place()
            #expect(try await Program.run(["run"], in: place).status == 64)
            #expect(try await Program.run(["run", "p.json", "--set", "nonsense"], in: place).status == 64)
            #expect(try await Program.run(["frobnicate"], in: place).status == 64)
        }

        @Test func wrongPipelinesExit65WithEveryFindingAndItsPlace() async throws {
            let place = try Place()
            try place.write(
                "p.json",
                """
                {
                  "inputs": ["none/*.mp4"],
                  "stages": [
                    { "uses": "probe" },
                    { "uses": "transcode", "with": { "crff": 20, "fit": "stretch" } },
                    { "uses": "upload" }
                  ]
                }
                """)
            for words in [["validate", "p.json"], ["run", "p.json", "--sandbox"], ["plan", "p.json"]] {
                let outcome = try await Program.run(words, in: place)
                #expect(outcome.status == 65)
                let text = outcome.messages
                #expect(text.contains("p.json:5:38: error: unknown key \"crff\" (did you mean \"crf\"?)"), "\(text)")
                #expect(
                    text.contains("p.json:5:57: error: \"fit\" takes one of crop, pad, blur, not \"stretch\""),
                    "\(text)")
            }
            try place.write(
                "chain.json",
                #"{"inputs": ["x.mp4"], "stages": [{"uses": "probe"}, {"uses": "transcode"}, {"uses": "upload"}]}"#)
            let chain = try await Program.run(["validate", "chain.json"], in: place)
            #expect(
                chain.messages.contains(
                    "stage 3 `upload` takes a ChunkedVideo, stage 2 `transcode` gives a PreparedVideo (put `chunk` between them)"
                ))
        }

        @Test func onlyWhatFiltersLoadsTheFilterLibrary() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            try place.write("p.json", #"{"inputs": ["a.mp4"], "stages": [{"uses": "probe"}, {"uses": "transcode"}]}"#)
            // The dynamic linker itself says what it loads.
            let loader = ["LD_DEBUG": "files", "LD_DEBUG_OUTPUT": place.work.appending(path: "loaded").path]
            let outcome = try await Program.run(["validate", "p.json"], in: place, environment: loader)
            #expect(outcome.status == 0, "\(outcome.messages)")
            let texts = try FileManager.default.contentsOfDirectory(atPath: place.work.path).filter {
                $0.hasPrefix("loaded")
            }.map { try String(contentsOf: place.work.appending(path: $0), encoding: .utf8) }
            #expect(texts.contains { $0.contains("libavformat.so") })
            #expect(!texts.contains { $0.contains("libavfilter.so") })
        }

        @Test func missingInputsAndFootageAreFindings() async throws {
            let place = try Place()
            let missing = try await Program.run(["validate", place.pipeline("tiktok")], in: place)
            #expect(missing.status == 65)
            #expect(missing.messages.contains("no file matches \"footage/*\""))
            try FileManager.default.createDirectory(
                at: place.work.appending(path: "footage"), withIntermediateDirectories: true)
            try await place.clip("footage/a.mp4")
            let valid = try await Program.run(["validate", place.pipeline("tiktok")], in: place)
            #expect(valid.status == 0, "\(valid.messages)")
            #expect(valid.output.contains("valid"))
            let none = try await Program.run(["run", "nowhere.json"], in: place)
            #expect(none.status == 65)
            #expect(none.messages.contains("nowhere.json does not exist"))
        }

        @Test func missingAndRefusedTokensExit77() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            let words = ["run", place.pipeline("tiktok"), "a.mp4", "--format", "json"]
            let missing = try await Program.run(words, in: place)
            #expect(missing.status == 77)
            #expect(try missing.events().last?["status"] == 77)
            let sandbox = try await Sandbox(in: place)
            var environment = sandbox.environment
            environment["TIKTOK_ACCESS_TOKEN"] = "act.wrong"
            environment["TIKTOK_REFRESH_TOKEN"] = "rft.wrong"
            let refused = try await Program.run(words, in: place, environment: environment)
            #expect(refused.status == 77, "\(refused.output)")
            #expect(try await sandbox.posts().isEmpty)
        }

        @Test func anExpiredTokenIsRenewedAndTheNewPairIsKept() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            try await place.clip("b.mp4", filter: "testsrc=s=640x360:r=30")
            var environment = sandbox.environment
            environment["TIKTOK_ACCESS_TOKEN"] = "act.expired"
            for name in ["a.mp4", "b.mp4"] {
                let run = try await Program.run(
                    ["run", place.pipeline("tiktok"), name], in: place, environment: environment)
                #expect(run.status == 0, "\(run.messages)")
            }
            // The refresh token rotates at each use: a second refresh with the first one would have failed.
            let refreshes = try await sandbox.log().filter { $0["path"]?.stringValue == "/v2/oauth/token/" }
            #expect(refreshes.count == 1)
            let bytes = place.homeBytes()
            for secret in [environment["TIKTOK_REFRESH_TOKEN"] ?? "-", "act.", "rft.", "upload_token"] {
                #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(secret.prefix(5)) is on disk")
            }
        }

        @Test func limitsExit75WhenNotWaitedFor() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            try await sandbox.faults(
                #"{"rules": [{"match": {"path": "/v2/post/publish/video/init/"}, "action": {"answer": {"status": 429, "code": "rate_limit_exceeded"}}}]}"#
            )
            let words = ["run", place.pipeline("tiktok"), "a.mp4", "--no-wait"]
            let limited = try await Program.run(words, in: place, environment: sandbox.environment)
            #expect(limited.status == 75, "\(limited.messages)")
            try await sandbox.faults(
                #"{"rules": [{"match": {"path": "/v2/post/publish/video/init/"}, "action": {"answer": {"status": 403, "code": "spam_risk_too_many_posts"}}}]}"#
            )
            let capped = try await Program.run(
                ["run", place.pipeline("tiktok"), "a.mp4"], in: place, environment: sandbox.environment)
            #expect(capped.status == 75, "\(capped.messages)")
            try await sandbox.faults(#"{"rules": []}"#)
            #expect(try await Program.run(words, in: place, environment: sandbox.environment).status == 0)
        }

        @Test func aDeadServiceExits69AfterItsRetries() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            try place.write(
                "p.json",
                """
                {"stages": [{"uses": "probe"}, {"uses": "transcode"}, {"uses": "chunk"},
                 {"uses": "upload", "retry": {"attempts": 2, "delay": "100ms"}}, {"uses": "publish"}]}
                """)
            let run = try await Program.run(
                ["run", "p.json", "a.mp4", "--format", "json"], in: place,
                environment: ["TIKTOK_API_BASE_URL": "http://127.0.0.1:9", "TIKTOK_ACCESS_TOKEN": "act.x"])
            #expect(run.status == 69, "\(run.output)")
            let events = try run.events()
            #expect(events.filter { $0["event"] == "stage.retrying" }.count == 1)
            #expect(events.last?["event"] == "run.finished")
        }

        @Test func refusalsOfTheFileExit65() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            try await sandbox.faults(
                #"{"rules": [{"match": {"path": "/v2/post/publish/video/init/"}, "action": {"answer": {"status": 403, "code": "privacy_level_option_mismatch"}}}]}"#
            )
            let run = try await Program.run(
                ["run", place.pipeline("tiktok"), "a.mp4"], in: place, environment: sandbox.environment)
            #expect(run.status == 65, "\(run.messages)")
        }

        @Test func wrongSettingsExit78() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            let words = ["run", place.pipeline("prepare"), "a.mp4"]
            #expect(try await Program.run(words + ["--db", "oracle:x"], in: place).status == 78)
            let key = try await Program.run(words, in: place, environment: ["SPREADER_VAULT_KEY": "short"])
            #expect(key.status == 78)
            #expect(key.messages.contains("SPREADER_VAULT_KEY"))
            #expect(!key.messages.contains("short"))
        }

        @Test func schemaOnDiskIsToday() async throws {
            let place = try Place()
            let schema = try await Program.run(["schema"], in: place)
            let file = Program.package.appending(path: "pipelines/pipeline.schema.json")
            #expect(schema.output == (try String(contentsOf: file, encoding: .utf8)), "run: make schema")
            // Editors take what the environment will fill.
            let whole = try JSONDecoder().decode(JSONValue.self, from: Data(schema.output.utf8))
            let mode = whole["properties"]?["post"]?["properties"]?["mode"]
            #expect(mode?["anyOf"] == [["enum": ["direct", "inbox"]], ["type": "string", "pattern": "\\$\\{"]])
            #expect(mode?["default"] == "direct")
            let tests = try await Program.run(["schema", "--tests"], in: place)
            let other = Program.package.appending(path: "pipelines/test.schema.json")
            #expect(tests.output == (try String(contentsOf: other, encoding: .utf8)), "run: make schema")
        }

        @Test func stagesProbeRunsAndDoctorAnswer() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            let list = try await Program.run(["stages"], in: place)
            for name in ["probe", "transcode", "chunk", "upload", "publish", "export"] {
                #expect(list.output.contains(name))
            }
            let page = try await Program.run(["stages", "transcode"], in: place)
            #expect(page.output.contains("maxDuration"))
            #expect(page.output.contains("default 60s"))
            #expect(try await Program.run(["stages", "trancode"], in: place).messages.contains("transcode"))
            let probe = try await Program.run(["probe", "a.mp4", "--format", "json"], in: place)
            #expect(try probe.events().first?["container"]?.stringValue?.contains("mp4") == true)
            #expect(try await Program.run(["runs", "list"], in: place).status == 0)
            let doctor = try await Program.run(["doctor", "--offline"], in: place)
            #expect(doctor.status == 0, "\(doctor.output)")
            #expect(doctor.output.contains("libavcodec"))
            let sandbox = try await Sandbox(in: place)
            let online = try await Program.run(["doctor"], in: place, environment: sandbox.environment)
            #expect(online.status == 0, "\(online.output)")
            #expect(online.output.contains("TikTok accepts the token"))
            #expect(online.output.contains("clock"))
        }

        @Test func dotEnvIsReadAndTheEnvironmentWins() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            let lines = sandbox.environment.map { "\($0.key)=\($0.value)" }.joined(separator: "\n")
            try place.write(".env", lines + "\n")
            let words = ["run", place.pipeline("tiktok"), "a.mp4"]
            let wrong = try await Program.run(
                words, in: place,
                environment: ["TIKTOK_ACCESS_TOKEN": "act.wrong", "TIKTOK_REFRESH_TOKEN": "rft.wrong"])
            #expect(wrong.status == 77, "\(wrong.messages)")
            let run = try await Program.run(words, in: place)
            #expect(run.status == 0, "\(run.messages)")
        }

        @Test func wrongSettingsAreReportedInTheFormatAskedFor() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            let pipeline = place.pipeline("prepare")
            func outcomes(_ environment: [String: String], _ message: String) async throws {
                func run(_ words: [String]) async throws -> Program.Outcome {
                    let outcome = try await Program.run(words, in: place, environment: environment)
                    #expect(outcome.status == 78, "\(words): \(outcome.messages)")
                    #expect(!(outcome.output + outcome.messages).contains("NSCocoa"))
                    return outcome
                }
                let events = try await run(["run", pipeline, "a.mp4", "--format", "json"]).events()
                #expect(events.map { $0["event"] } == ["diagnostic", "run.finished"])
                #expect(events.first?["message"] == .string(message))
                #expect(events.last?["status"] == 78)
                for command in ["validate", "lint"] {
                    let json = try await run([command, pipeline, "--format", "json"])
                    let list = try JSONDecoder().decode([Diagnostic].self, from: Data(json.output.utf8))
                    #expect(list.map(\.message) == [message])
                }
                #expect(try await run(["lint", pipeline, "--format", "junit"]).output.contains("failures=\"1\""))
                #expect(try await run(["lint", pipeline, "--format", "github"]).output.hasPrefix("::error title="))
            }
            try await outcomes(["SPREADER_STAGE_MEMORY": "zz"], "SPREADER_STAGE_MEMORY is \"zz\"")
            try FileManager.default.createDirectory(
                at: place.work.appending(path: ".env"), withIntermediateDirectories: true)
            try await outcomes([:], "the file .env is a folder")
        }

        @Test func refusedFootageCountsOnceHoweverMuchIsWrong() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            try place.write("a.json", #"{"x": 1, "y": 2}"#)
            let run = try await Program.run(["run", place.pipeline("prepare"), "a.mp4", "--format", "json"], in: place)
            #expect(run.status == 65)
            let events = try run.events()
            #expect(events.filter { $0["event"] == "asset.started" }.count == 1)
            #expect(events.last?["assets"] == 1)
            let failed = events.first { $0["event"] == "stage.failed" }
            #expect(failed?["message"] == #"unknown key "x"; unknown key "y""#, "\(run.output)")
        }

        @Test func schemasReplaceNothingButSchemas() async throws {
            let place = try Place()
            let pipeline = #"{"$schema": "./pipeline.schema.json", "stages": []}"#
            try place.write("p.json", pipeline)
            let over = try await Program.run(["schema", "--output", "p.json"], in: place)
            #expect(over.status == 78)
            #expect(
                over.messages.contains("p.json already exists and was not created by this tool"), "\(over.messages)")
            let file = place.work.appending(path: "p.json")
            #expect(try String(contentsOf: file, encoding: .utf8) == pipeline)
            for _ in 0..<2 {
                #expect(try await Program.run(["schema", "--output", "s.json"], in: place).status == 0)
            }
            let link = place.work.appending(path: "link.json")
            try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: "s.json")
            #expect(try await Program.run(["schema", "--tests", "--output", "link.json"], in: place).status == 0)
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link.path) == "s.json")
            let text = try String(contentsOf: place.work.appending(path: "s.json"), encoding: .utf8)
            #expect(text.contains("spreader-pipeline cases"))
            let folder = try await Program.run(["schema", "--output", "."], in: place)
            #expect(folder.status == 78)
            #expect(folder.messages.contains("can't write .: it is a folder"), "\(folder.messages)")
            let pipe = place.work.appending(path: "pipe").path
            #expect(mkfifo(pipe, 0o600) == 0)
            // Both ends: neither waits for the other.
            let ends = try #require(FileHandle(forUpdatingAtPath: pipe))
            #expect(try await Program.run(["schema", "--tests", "--output", "pipe"], in: place).status == 0)
            #expect(ends.availableData.starts(with: Data("{".utf8)))
        }
    }
}
