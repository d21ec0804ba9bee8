import Foundation
import PipelineKit
import Testing

extension EndToEnd {
    /// `plan --save` and `run --plan`.
    @Suite(.serialized) struct SavedPlanTests {
        private func changes(_ outcome: Program.Outcome) throws -> [String] {
            try outcome.events().filter { $0["code"] == "plan-outdated" }.compactMap { $0["message"]?.stringValue }
        }

        @Test func aSavedPlanIsDoneAsItSays() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            let words = [
                "plan", place.pipeline("prepare"), "a.mp4", "--set", "transcode.crf=30", "--save", "p.plan.json",
            ]
            let plan = try await Program.run(words, in: place)
            #expect(plan.status == 0, "\(plan.messages)")
            #expect(plan.output.contains("transcode: "))
            #expect(plan.messages.contains("run --plan p.plan.json"))
            let file = place.work.appending(path: "p.plan.json")
            let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? NSNumber
            #expect(mode == 0o600)
            let saved = try JSONDecoder().decode(JSONValue.self, from: Data(contentsOf: file))
            #expect(saved["version"] == 2)
            guard case .array(let assets)? = saved["assets"] else { throw StageError(.internalFault, "no assets") }
            #expect(assets.count == 1)
            #expect(assets.first?["sha256"]?.stringValue?.count == 64)
            let touch = try await Program.run(["run", "--plan", "p.plan.json", "--dry-run"], in: place)
            #expect(touch.status == 0, "\(touch.messages)")
            // Another time alone is no other footage.
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -3600)],
                ofItemAtPath: place.work.appending(path: "a.mp4").path)
            let run = try await Program.run(["run", "--plan", "p.plan.json", "--format", "json"], in: place)
            #expect(run.status == 0, "\(run.messages)")
            #expect(FileManager.default.fileExists(atPath: place.work.appending(path: "out/a.mp4").path))
            let named = try await Program.run(
                ["run", place.pipeline("prepare"), "--plan", "p.plan.json"], in: place)
            #expect(named.status == 0, "\(named.messages)")
        }

        @Test func everyChangeIsNamedBeforeAnyWork() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            try await place.clip("b.mp4", filter: "testsrc=s=640x360:r=25")
            func pipeline(_ crf: Int) throws {
                try place.write(
                    "p.json",
                    """
                    {"inputs": ["*.mp4"], "post": {"title": "${TITLE}"}, "stages": [{"uses": "probe"},
                     {"uses": "subtitles", "with": {"file": "words.srt"}},
                     {"uses": "transcode", "with": {"crf": \(crf)}}, {"uses": "export", "with": {"directory": "out"}}]}
                    """)
            }
            let words = "1\n00:00:00,000 --> 00:00:01,000\n"
            try place.write("words.srt", words + "Hello\n")
            try pipeline(19)
            let plan = try await Program.run(
                ["plan", "p.json", "--save", "p.plan"], in: place, environment: ["TITLE": "One"])
            #expect(plan.status == 0, "\(plan.messages)")
            try pipeline(20)
            try place.write("words.srt", words + "Good-bye\n")
            try await place.clip("a.mp4", seconds: 2)
            try FileManager.default.removeItem(at: place.work.appending(path: "b.mp4"))
            try await place.clip("c.mp4")
            let run = try await Program.run(
                ["run", "--plan", "p.plan", "--format", "json"], in: place, environment: ["TITLE": "Two"])
            #expect(run.status == 65)
            let texts = try changes(run)
            #expect(texts.contains("option transcode.crf is 20, the plan says 19"), "\(texts)")
            #expect(texts.contains("post.title is \"Two\" (from the environment's TITLE), the plan says \"One\""))
            #expect(texts.contains { $0.hasPrefix("a.mp4 changed since the plan was saved: ") })
            #expect(texts.contains("b.mp4 was removed since the plan was saved"))
            let isTold = texts.contains {
                $0.hasSuffix("words.srt, which is used for a.mp4, changed since the plan was saved")
            }
            #expect(isTold, "\(texts)")
            #expect(texts.contains("c.mp4 was added since the plan was saved"))
            #expect(run.messages.contains("make a new plan"))
            #expect(try run.events().last?["event"] == "run.finished")
            #expect(try run.events().last?["status"] == 65)
            #expect(!FileManager.default.fileExists(atPath: place.work.appending(path: "out").path))
            #expect(!FileManager.default.fileExists(atPath: place.home.appending(path: "spreader.db").path))
        }

        @Test func anotherStrategyAnotherProgramAndAnotherSidecarAreChanges() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            let plan = try await Program.run(
                ["plan", place.pipeline("prepare"), "a.mp4", "--save", "p.plan"], in: place)
            #expect(plan.status == 0, "\(plan.messages)")
            let file = place.work.appending(path: "p.plan")
            let text = try String(contentsOf: file, encoding: .utf8)
            try Data(
                text.replacing("\"strategy\" : \"encode\"", with: "\"strategy\" : \"copy\"").replacing(
                    "\"program\" : \"", with: "\"program\" : \"9."
                ).utf8
            ).write(to: file)
            try place.write("a.txt", "A title")
            let run = try await Program.run(["run", "--plan", "p.plan", "--format", "json"], in: place)
            #expect(run.status == 65)
            let texts = try changes(run)
            #expect(texts.contains("stage transcode would now encode a.mp4: the plan says copy"), "\(texts)")
            #expect(texts.contains { $0.hasPrefix("the program is ") && $0.contains("the plan was made by 9.") })
            #expect(texts.contains("a.txt beside a.mp4 was added since the plan was saved"))
        }

        @Test func anEditedPluginIsAnotherPlanAndItsRefusalsAreItsOwn() async throws {
            let place = try Place()
            try await place.clip("a.mp4", seconds: 2)
            _ = try await Program.run(["plugins", "new", "end-card", "--language", "python"], in: place)
            try place.write("p.json", #"{"inputs": ["a.mp4"], "stages": [{"uses": "probe"}, {"uses": "end-card"}]}"#)
            #expect(try await Program.run(["plan", "p.json", "--save", "p.plan"], in: place).status == 0)
            #expect(try await Program.run(["run", "--plan", "p.plan", "--dry-run"], in: place).status == 0)
            let file = "plugins/end-card/end_card_stage.py"
            let code = try String(contentsOf: place.work.appending(path: file), encoding: .utf8)
            try place.write(file, code + "\n# other code under the same version\n")
            let run = try await Program.run(["run", "--plan", "p.plan", "--format", "json"], in: place)
            #expect(run.status == 65)
            #expect(
                try changes(run).contains("the files of plugin end-card 0.1.0 changed, but its version did not"),
                "\(run.output)")
            let refused = try await Program.run(
                ["run", "p.json", "--set", "end-card.maxSeconds=1", "--format", "json"], in: place)
            #expect(refused.status == 65)
            let failed = try refused.events().first { $0["event"] == "stage.failed" }
            #expect(failed?["stage"] == "end-card", "\(refused.output)")
        }

        @Test func titlesAsTheyAreFilledInAndDelaysArePartOfAPlan() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            let plan = try await Program.run(
                [
                    "plan", place.pipeline("tiktok"), "a.mp4", "--sandbox", "--post", "title={{ name }} of {{ date }}",
                    "--save", "p.plan",
                ], in: place)
            #expect(plan.status == 0, "\(plan.messages)")
            let file = place.work.appending(path: "p.plan")
            let text = try String(contentsOf: file, encoding: .utf8)
            let earlier = text.replacing(/a of 20\d\d-\d\d-\d\d/, with: "a of 2020-02-29")
                .replacing("\"maximumDelay\" : 60", with: "\"maximumDelay\" : 30")
            try Data(earlier.utf8).write(to: file)
            let run = try await Program.run(["run", "--plan", "p.plan", "--format", "json"], in: place)
            #expect(run.status == 65)
            let texts = try changes(run)
            let titles = texts.filter { $0.hasPrefix("the title of a.mp4 would now be \"a of ") }
            #expect(titles.count == 1 && titles[0].hasSuffix("\", the plan says \"a of 2020-02-29\""), "\(texts)")
            #expect(texts.contains("the longest delay of upload is 1 min, the plan says 30 s"))
        }

        @Test func aMomentThatHasPassedSinceAndRefusedFootageAreTold() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            try place.write("b.mp4", "no film")
            let words = ["a.mp4", "b.mp4", "--sandbox", "--post", "schedule=2020-01-02T00:00:00Z", "--save", "p.plan"]
            let plan = try await Program.run(["plan", place.pipeline("tiktok")] + words, in: place)
            #expect(plan.status == 1, "\(plan.messages)")
            #expect(plan.output.contains("not held back: 2020-01-02T00:00:00Z has passed"), "\(plan.output)")
            // That b.mp4 is refused is what the plan says.
            #expect(try await Program.run(["run", "--plan", "p.plan", "--dry-run"], in: place).status == 0)
            let file = place.work.appending(path: "p.plan")
            let text = try String(contentsOf: file, encoding: .utf8)
            let earlier = text.replacing(/"savedAt" : "[^"]+"/, with: "\"savedAt\" : \"2019-12-31T00:00:00Z\"")
            try Data(earlier.utf8).write(to: file)
            let run = try await Program.run(["run", "--plan", "p.plan", "--format", "json"], in: place)
            #expect(run.status == 65)
            #expect(
                try changes(run).contains(
                    "a.mp4 was scheduled for 2020-01-02T00:00:00Z, which has passed since the plan was saved"))
        }

        @Test func argumentsThatSayOtherwiseExit64AndWrongPlansExit65() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            let prepare = place.pipeline("prepare")
            #expect(try await Program.run(["plan", prepare, "a.mp4", "--save", "p.plan"], in: place).status == 0)
            for words in [
                ["a.json", "b.mp4"], ["--set", "transcode.crf=20"], ["--post", "title=x"], ["--until", "probe"],
                ["--repost"], ["--sandbox"], [place.pipeline("tiktok")],
            ] {
                let run = try await Program.run(["run", "--plan", "p.plan"] + words, in: place)
                #expect(run.status == 64, "\(words): \(run.messages)")
            }
            try place.write("none.plan", "{}")
            for name in ["none.plan", "gone.plan", "a.mp4"] {
                let run = try await Program.run(["run", "--plan", name, "--format", "json"], in: place)
                #expect(run.status == 65, "\(name)")
                #expect(try run.events().first?["code"] == "unreadable-plan")
            }
        }

        @Test func savingNeverReplacesAnythingButAPlanAndNeedsAPlanThatCanStart() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            let prepare = place.pipeline("prepare")
            let over = try await Program.run(["plan", prepare, "a.mp4", "--save", "a.mp4"], in: place)
            #expect(over.status == 78)
            #expect(over.messages.contains("already exists and is not a saved plan"))
            let broken = try await Program.run(
                ["plan", prepare, "a.mp4", "--set", "transcode.fit=stretch", "--save", "p.plan"], in: place)
            #expect(broken.status == 65)
            try place.write("no.mp4", "no film")
            #expect(try await Program.run(["plan", prepare, "no.mp4", "--save", "p.plan"], in: place).status == 65)
            #expect(!FileManager.default.fileExists(atPath: place.work.appending(path: "p.plan").path))
            for _ in 0..<2 {
                #expect(try await Program.run(["plan", prepare, "a.mp4", "--save", "p.plan"], in: place).status == 0)
            }
            // One of another form, or that somebody damaged, is a plan all the same.
            let whole = try String(contentsOf: place.work.appending(path: "p.plan"), encoding: .utf8)
            for (text, words) in [
                (
                    whole.replacing("\"version\" : 2\n}\n", with: "\"version\" : 99\n}\n"),
                    "is a saved plan of version 99"
                ),
                (
                    whole.replacing("\"directory\" :", with: "\"direktory\" :"),
                    "is damaged: directory is missing or invalid"
                ),
            ] {
                try place.write("p.plan", text)
                let run = try await Program.run(["run", "--plan", "p.plan"], in: place)
                #expect(run.status == 65)
                #expect(run.messages.contains(words) && !run.messages.contains("DecodingError"), "\(run.messages)")
                #expect(try await Program.run(["plan", prepare, "a.mp4", "--save", "p.plan"], in: place).status == 0)
            }
        }

        @Test func aRunByPlanGoesOnWhereItStoodByTheSameCommandAndByItsID() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            let environment = sandbox.environment
            let plan = try await Program.run(
                [
                    "plan", place.pipeline("tiktok"), "a.mp4", "--post", "schedule=2020-01-02T00:00:00Z", "--save",
                    "p.plan",
                ], in: place, environment: environment.merging(["TIKTOK_API": "v2"]) { $1 })
            #expect(plan.status == 0, "\(plan.messages)")
            let words = ["run", "--plan", "p.plan", "--no-wait", "--format", "json"]
            let limit =
                #"{"rules": [{"match": {"path": "/v2/post/publish/video/init/"}, "times": "always", "#
                + #""action": {"answer": {"status": 429, "code": "rate_limit_exceeded"}}}]}"#
            try await sandbox.faults(limit)
            let first = try await Program.run(words, in: place, environment: environment)
            #expect(first.status == 75, "\(first.messages)")
            // A run that is under way goes on also when the moment of its posts has come.
            let file = place.work.appending(path: "p.plan")
            let text = try String(contentsOf: file, encoding: .utf8)
            let earlier = text.replacing(/"savedAt" : "[^"]+"/, with: "\"savedAt\" : \"2019-12-31T00:00:00Z\"")
            try Data(earlier.utf8).write(to: file)
            let second = try await Program.run(words, in: place, environment: environment)
            #expect(second.status == 75, "\(second.messages)")
            #expect(try second.events().contains { $0["event"] == "stage.reused" && $0["stage"] == "transcode" })
            try await sandbox.faults(#"{"rules": []}"#)
            let id = try #require(try second.events().last?["run"]?.stringValue)
            let resumed = try await Program.run(["runs", "resume", id], in: place, environment: environment)
            #expect(resumed.status == 0, "\(resumed.messages)")
            #expect(try await sandbox.posts().count == 1)
        }

        @Test func anotherServiceIsAnotherAccount() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            let words = ["plan", place.pipeline("tiktok"), "a.mp4", "--save", "p.plan"]
            let token = ["TIKTOK_ACCESS_TOKEN": "act.secret-of-mine"]
            #expect(try await Program.run(words, in: place, environment: token).status == 0)
            let text = try String(contentsOf: place.work.appending(path: "p.plan"), encoding: .utf8)
            #expect(!text.contains("secret-of-mine"))
            let sandbox = try await Sandbox(in: place)
            let run = try await Program.run(
                ["run", "--plan", "p.plan", "--format", "json"], in: place, environment: sandbox.environment)
            #expect(run.status == 65)
            #expect(
                try changes(run).contains("the account default belongs to another app or service than in the plan"))
        }
    }
}
