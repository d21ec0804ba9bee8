import Foundation
import PipelineKit
import Testing

extension EndToEnd {
    /// `test`: cases beside pipelines.
    @Suite(.serialized) struct CaseTests {
        private let prepare = """
            {"inputs": ["none"], "stages": [{"uses": "probe"}, {"uses": "transcode"},
             {"uses": "export", "with": {"directory": "out"}}]}
            """

        /// The pipelines that come with the program do what their cases say, whatever the user's environment is.
        @Test func ourPipelinesPassTheirCases() async throws {
            let place = try Place()
            let folder = Program.package.appending(path: "pipelines").path
            let outcome = try await Program.run(
                ["test", folder, "--format", "json"], in: place,
                environment: ["TIKTOK_ACCESS_TOKEN": "act.mine", "TIKTOK_API_BASE_URL": "http://127.0.0.1:9"])
            #expect(outcome.status == 0, "\(outcome.output)\(outcome.messages)")
            let cases = try outcome.events()
            #expect(cases.count >= 8)
            #expect(cases.allSatisfy { $0["passed"] == true })
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            let pipelines = names.filter { $0.hasSuffix(".json") && !$0.contains(".test.") && !$0.contains(".schema.") }
            for name in pipelines { #expect(names.contains(name.replacing(".json", with: ".test.json"))) }
            // Nothing of the user's is touched, and nothing is left.
            #expect(!FileManager.default.fileExists(atPath: place.home.path))
            #expect(try FileManager.default.contentsOfDirectory(atPath: place.work.path).isEmpty)
        }

        @Test func whatDiffersIsToldWithItsPlace() async throws {
            let place = try Place()
            try place.write("p.json", prepare)
            try place.write(
                "p.test.json",
                """
                {"cases": [
                  {"name": "good <&\\"", "input": {"seconds": 0.3}, "expect": {"width": 540}},
                  {"name": "bad",
                   "input": {"seconds": 0.3},
                   "expect": {"width": 720, "exit": 1, "files": ["out/other.mp4"], "strategy": {"matches": "^c"}}}
                ]}
                """)
            let text = try await Program.run(["test"], in: place)
            #expect(text.status == 1, "\(text.messages)")
            #expect(text.output.contains("✓ good <&\""))
            #expect(text.output.contains("✗ bad"))
            #expect(text.output.contains("p.test.json:5:24: width: expected 720, got 540"), "\(text.output)")
            #expect(text.output.contains("exit: expected 1, got 0"))
            #expect(
                text.output.contains("files: expected a value containing \"out/other.mp4\", got [\"out/clip.mp4\"]"))
            #expect(text.output.contains("strategy: expected text matching \"^c\", got \"encode\""))
            #expect(text.messages.contains("1 passed, 1 failed"))
            #expect(!FileManager.default.fileExists(atPath: place.work.appending(path: "out").path))
            let only = try await Program.run(["test", "p.json", "--filter", "GOOD", "--format", "json"], in: place)
            #expect(only.status == 0)
            #expect(try only.events().map { $0["case"] } == ["good <&\""])
            let junit = try await Program.run(["test", "p.test.json", "--format", "junit"], in: place)
            #expect(junit.status == 1)
            #expect(junit.output.contains("<testsuites tests=\"2\" failures=\"1\""))
            #expect(junit.output.split(separator: "<testcase ").count == 3)
            #expect(junit.output.contains("name=\"good &lt;&amp;&quot;\""))
            #expect(junit.output.contains("<failure message=\"width: expected 720, got 540\" type=\"expectation\">"))
            #expect(junit.output.hasSuffix("</testsuites>\n"))
        }

        @Test func wrongFilesExit65WithEveryFindingAndItsPlace() async throws {
            let place = try Place()
            try place.write("p.json", prepare)
            try place.write(
                "p.test.json",
                """
                {
                  "cases": [
                    { "name": "a", "input": { "widht": 640, "height": 361, "codec": "h265" } },
                    { "name": "a", "set": { "transcod.crf": 20, "transcode.fit": "stretch" } },
                    { "input": "none.mov", "expect": { "with": 540, "width": { "atMost": "x" } } },
                    { "name": "b", "expect": { "stages": { "exprt": {} }, "post": { "titel": "x" } } },
                    { "name": "c", "environment": { "TIKTOK_ACCESS_TOKEN": "act.x" } }
                  ]
                }
                """)
            let outcome = try await Program.run(["test", "p.test.json"], in: place)
            #expect(outcome.status == 65)
            for line in [
                #"p.test.json:3:31: error: unknown key "widht" (did you mean "width"?)"#,
                #"p.test.json:3:55: error: "height" takes an even number between 16 and 4096"#,
                #"error: "codec" takes one of h264, hevc, mpeg4, mjpeg, vp9, prores, not "h265""#,
                #"p.test.json:4:5: error: two cases are called "a""#,
                #"error: the pipeline has no stage "transcod" (did you mean "transcode"?)"#,
                #"error: "fit" takes one of crop, pad, blur, not "stretch""#,
                #"p.test.json:5:5: error: a case needs "name""#,
                #"error: the file "none.mov" does not exist"#,
                #"error: "atMost" takes a number, not text"#,
                #"error: the pipeline has no stage "exprt" (did you mean "export"?)"#,
                #"error: unknown key "titel" (did you mean "title"?)"#,
                "TIKTOK_ACCESS_TOKEN can't be set",
            ] {
                #expect(outcome.messages.contains(line), "\(line) is not in \(outcome.messages)")
            }
            #expect(!outcome.messages.contains("act.x"))
            #expect(try await Program.run(["test", "nowhere"], in: place).status == 64)
            try place.write("q.json", prepare)
            #expect(try await Program.run(["test", "q.json"], in: place).status == 64)
        }

        @Test func casesSetOptionsPostsFaultsEnvironmentAndFiles() async throws {
            let place = try Place()
            try await place.clip("mine.mp4")
            try place.write("mine.txt", "A title of its own")
            try place.write("brand.srt", "1\n00:00:00,000 --> 00:00:01,000\nHello\n")
            try place.write(
                "p.json",
                """
                {"post": {"title": "${WORD:-none}"}, "stages": [{"uses": "probe"},
                 {"uses": "subtitles", "with": {"file": "brand/text.srt"}}, {"uses": "transcode"}, {"uses": "chunk"},
                 {"uses": "upload"}, {"uses": "publish"}]}
                """)
            try place.write(
                "p.test.json",
                """
                {"files": {"brand/text.srt": "brand.srt"}, "cases": [
                  {"name": "words", "environment": {"WORD": "Hello"}, "input": {"seconds": 0.5},
                   "set": {"transcode.crf": 30}, "expect": {"post": {"title": "Hello"}}},
                  {"name": "mine", "input": "mine.mp4", "post": {"disableDuet": true},
                   "expect": {"post": {"title": "A title of its own", "disableDuet": true}}},
                  {"name": "refused", "input": {"seconds": 0.5},
                   "sandbox": {"rules": [{"match": {"path": "/v2/post/publish/video/init/"},
                     "action": {"answer": {"status": 403, "code": "spam_risk_too_many_posts"}}}]},
                   "expect": {"exit": 75, "code": "limited", "posts": 0}},
                  {"name": "wrong option", "set": {"transcode.crf": 900},
                   "expect": {"exit": 65, "diagnostics": ["out-of-range"], "code": "out-of-range"}},
                  {"name": "until", "input": {"seconds": 0.5}, "until": "transcode",
                   "expect": {"posts": 0, "stages": {"subtitles": {"stage": "subtitles"}}}}
                ]}
                """)
            let outcome = try await Program.run(["test", "p.json"], in: place)
            #expect(outcome.status == 0, "\(outcome.output)\(outcome.messages)")
        }

        @Test func emptyListsMeanNoneAndEmptyObjectsNothing() async throws {
            let place = try Place()
            try place.write("p.json", prepare)
            try place.write(
                "p.test.json",
                """
                {"cases": [
                  {"name": "files", "input": {"seconds": 0.3}, "expect": {"files": []}},
                  {"name": "findings", "input": {"seconds": 0.3}, "set": {"transcode.crf": 900},
                   "expect": {"exit": 65, "diagnostics": []}},
                  {"name": "none", "input": {"seconds": 0.3, "name": "clip.mov"}, "until": "transcode",
                   "expect": {"files": [], "diagnostics": []}}
                ]}
                """)
            let outcome = try await Program.run(["test"], in: place)
            #expect(outcome.status == 1)
            #expect(outcome.output.contains("files: expected [], got [\"out/clip.mp4\"]"), "\(outcome.output)")
            #expect(outcome.output.contains("diagnostics: expected [], got [\"out-of-range\"]"))
            #expect(outcome.output.contains("✓ none"))
            try place.write(
                "q.test.json",
                """
                {"pipeline": "p.json", "cases": [
                  {"name": "a", "expect": {"post": {}, "stages": {"export": {}}, "width": {}}},
                  {"name": "b", "set": {"transcode.crff": 1, "transcode.crf": 900}, "post": {"titel": "x"},
                   "expect": {"exit": 65, "stages": {}}}
                ]}
                """)
            let wrong = try await Program.run(["test", "q.test.json"], in: place)
            #expect(wrong.status == 65)
            for line in [
                "\"post\" expects nothing", "\"export\" expects nothing", "\"width\" expects nothing",
                "\"stages\" expects nothing", "unknown key \"crff\"", "unknown key \"titel\"",
            ] {
                #expect(wrong.messages.contains(line), "\(line) is not in \(wrong.messages)")
            }
            #expect(!wrong.messages.contains("900"))
        }

        @Test func whatASandboxWouldNotUnderstandIsFoundBeforeAnythingRuns() async throws {
            let place = try Place()
            try place.write("p.json", prepare)
            try place.write(
                "p.test.json",
                """
                {"cases": [
                  {"name": "a", "input": {"seconds": 0.3}},
                  {"name": "b", "sandbox": {"settings": {"postPerDay": 1}}},
                  {"name": "c", "sandbox": {"rules": [
                    {"action": {"answer": {"status": 200}}},
                    {"action": {"answer": {"status": "many"}}}]}}
                ]}
                """)
            let outcome = try await Program.run(["test"], in: place)
            #expect(outcome.status == 65)
            #expect(outcome.output.isEmpty)
            #expect(
                outcome.messages.contains(
                    "p.test.json:3:42: error: sandbox: unknown key `postPerDay` at /settings (did you mean `postsPerDay`"
                ),
                "\(outcome.messages)")
            #expect(outcome.messages.contains("p.test.json:6:28: error: sandbox: /rules/1/action/answer/status takes"))
            let junit = try await Program.run(["test", "--format", "junit"], in: place)
            #expect(junit.status == 65)
            #expect(junit.output.contains("<testsuite name=\"p.test.json\" tests=\"2\" failures=\"0\" errors=\"2\""))
            #expect(junit.output.contains("<error message=\"sandbox: unknown key `postPerDay`"), "\(junit.output)")
            #expect(junit.output.hasSuffix("</testsuites>\n"))
        }

        @Test func footageMayBeCalledLikeAnOption() async throws {
            let place = try Place()
            try place.write("p.json", prepare)
            try place.write(
                "p.test.json",
                #"{"cases": [{"name": "dash", "input": {"seconds": 0.3, "name": "-a.mp4"}, "expect": {"files": ["out/-a.mp4"]}}]}"#
            )
            let outcome = try await Program.run(["test"], in: place)
            #expect(outcome.status == 0, "\(outcome.output)\(outcome.messages)")
        }

        @Test func anInterruptLeavesNothing() async throws {
            let place = try Place()
            try place.write("p.json", prepare)
            let cases = (1...20).map { #"{"name": "case \#($0)", "input": {"seconds": 1}}"# }.joined(separator: ",")
            try place.write("p.test.json", "{\"cases\": [\(cases)]}")
            let folder = place.folder.appending(path: "tmp")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let program = try Program(["test"], in: place, environment: ["TMPDIR": folder.path])
            for _ in 0..<400 where !program.outputSoFar.contains("✓ case 2") {
                try await Task.sleep(for: .milliseconds(25))
            }
            program.signal(SIGINT)
            let outcome = try await program.end()
            #expect(outcome.status == 130, "\(outcome.messages)")
            #expect(outcome.output.contains("✓ case 1"))
            #expect(!outcome.output.contains("✗"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        }
    }
}
