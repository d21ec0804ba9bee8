import Foundation
import PipelineKit
import Testing

/// Real program, real media, real HTTP; one test at a time, since each fills the processor.
@Suite(.serialized) struct EndToEnd {
    @Suite(.serialized) struct RunTests {
        @Test func oneAssetEndsInOnePostWithTheEventsOfTheContract() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4", seconds: 2)
            let run = try await Program.run(
                ["run", place.pipeline("tiktok"), "a.mp4", "--format", "json", "--post", "title=Hi 😀"], in: place,
                environment: sandbox.environment)
            #expect(run.status == 0, "\(run.messages)")
            let events = try run.events()
            #expect(events.first?["event"] == "run.started")
            #expect(events.last?["event"] == "run.finished")
            #expect(events.last?["status"] == 0)
            #expect(events.last?["posts"] == 1)
            let ids = Set(events.map { $0["run"]?.stringValue })
            #expect(ids.count == 1)
            for event in events {
                let name = try #require(event["event"]?.stringValue)
                let time = try #require(event["time"]?.stringValue)
                let moment = try Date(time, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
                #expect(abs(moment.timeIntervalSinceNow) < 600)
                guard name.hasPrefix("stage.") || name.hasPrefix("asset.") else { continue }
                #expect(event["asset"] == "a.mp4")
                #expect(event["stage"]?.stringValue != nil)
            }
            let finished = events.filter { $0["event"] == "stage.finished" }
            #expect(finished.map { $0["stage"] } == ["probe", "transcode", "chunk", "upload", "publish"])
            let transcode = try #require(finished.first { $0["stage"] == "transcode" })
            #expect(transcode["strategy"] == "encode")
            #expect(transcode["artifact"]?["width"] == transcode["width"])
            #expect(
                (transcode["reasons"].flatMap { value -> Int? in
                    guard case .array(let list) = value else { return nil }
                    return list.count
                } ?? 0) > 0)
            let posts = try await sandbox.posts()
            #expect(posts.count == 1)
            #expect(posts.first?["status"] == "PUBLISH_COMPLETE")
            #expect(posts.first?["title"] == "Hi 😀")
            #expect(posts.first?["privacyLevel"] == "SELF_ONLY")
            #expect(posts.first?["bytes"] == transcode["bytes"])
            let published = try #require(events.first { $0["event"] == "post.published" })
            #expect(published["publishId"] == posts.first?["publishId"])
        }

        @Test func sandboxFlagNeedsNoAccountAndWinsOverTheEnvironment() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            let run = try await Program.run(
                ["run", place.pipeline("tiktok"), "a.mp4", "--sandbox"], in: place,
                environment: [
                    "TIKTOK_ACCESS_TOKEN": "act.wrong", "TIKTOK_API_BASE_URL": "http://127.0.0.1:9",
                    "TIKTOK_API": "multipart", "TIKTOK_UPLOADS_PER_DAY": "x",
                ])
            #expect(run.status == 0, "\(run.messages)")
            #expect(run.output.contains("a.mp4"))
            let sandbox = try await Sandbox(in: place, data: "home/sandbox")
            #expect(try await sandbox.posts().count == 1)
        }

        @Test func sandboxFlagUsesTheSandboxThatAlreadyServesTheFolder() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            let sandbox = try await Sandbox(in: place, data: "home/sandbox")
            let run = try await Program.run(["run", place.pipeline("tiktok"), "a.mp4", "--sandbox"], in: place)
            #expect(run.status == 0, "\(run.messages)")
            #expect(try await sandbox.posts().count == 1)
        }

        @Test func oneBadAssetDoesNotStopTheOthers() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            try await place.clip("c.mp4", filter: "testsrc=s=640x360:r=25")
            try place.write("b.mp4", "this is no film")
            let run = try await Program.run(
                ["run", place.pipeline("tiktok"), "a.mp4", "b.mp4", "c.mp4", "--format", "json"], in: place,
                environment: sandbox.environment)
            #expect(run.status == 1)
            #expect(try await sandbox.posts().count == 2)
            let events = try run.events()
            #expect(events.filter { $0["event"] == "post.published" }.count == 2)
            let failed = try #require(events.first { $0["event"] == "stage.failed" })
            #expect(failed["asset"] == "b.mp4")
            #expect(events.last?["assets"] == 3)
        }

        @Test func aBadSidecarOrAMissingFileStopsItsOwnAssetOnly() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            try await place.clip("b.mp4", filter: "testsrc=s=640x360:r=25")
            try place.write("b.json", #"{"titel": "x"}"#)
            let run = try await Program.run(
                ["run", place.pipeline("prepare"), "a.mp4", "b.mp4", "gone.mp4", "--format", "json"], in: place)
            #expect(run.status == 1)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: place.work.appending(path: "out").path) == ["a.mp4"]
            )
            let failed = try run.events().filter { $0["event"] == "stage.failed" }
            #expect(Set(failed.map { $0["asset"] }) == ["b.mp4", "gone.mp4"])
        }

        @Test func aPostedFileIsNotPostedAgain() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            let words = ["run", place.pipeline("tiktok"), "a.mp4"]
            #expect(try await Program.run(words, in: place, environment: sandbox.environment).status == 0)
            let before = try await sandbox.log().count
            let again = try await Program.run(words, in: place, environment: sandbox.environment)
            #expect(again.status == 0)
            #expect((again.output + again.messages).contains("already posted"))
            #expect(try await sandbox.log().count == before)
        }

        @Test func prepareWritesOneFileAnAssetAndNothingElse() async throws {
            let place = try Place()
            try await place.clip("a.mov")
            let run = try await Program.run(["run", place.pipeline("prepare"), "a.mov"], in: place)
            #expect(run.status == 0, "\(run.messages)")
            let out = place.work.appending(path: "out")
            #expect(try FileManager.default.contentsOfDirectory(atPath: out.path) == ["a.mp4"])
            try place.write("broken.mp4", "no film")
            let refused = try await Program.run(["run", place.pipeline("prepare"), "broken.mp4"], in: place)
            #expect(refused.status == 65)
            #expect(try FileManager.default.contentsOfDirectory(atPath: out.path) == ["a.mp4"])
            let checker = Program.package.appending(path: "../shared/tools/check-delivery").path
            guard FileManager.default.fileExists(atPath: checker) else { return }
            let check = Process()
            check.executableURL = URL(filePath: "/usr/bin/env")
            check.arguments = ["python3", checker, out.appending(path: "a.mp4").path]
            try check.run()
            check.waitUntilExit()
            #expect(check.terminationStatus == 0)
        }

        @Test func trailerGoesToTheInboxAsADraft() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            let run = try await Program.run(
                ["run", place.pipeline("trailer"), "a.mp4"], in: place, environment: sandbox.environment)
            #expect(run.status == 0, "\(run.messages)")
            #expect(try await sandbox.posts().map { $0["mode"] } == ["inbox"])
            #expect(try await sandbox.posts().first?["status"] == "SEND_TO_USER_INBOX")
        }

        /// TikTok took the bytes and gave the post up afterwards: nothing is posted, so the next run posts.
        @Test func aPostThatTikTokGaveUpIsSentAnewByTheSameCommand() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            try await sandbox.faults(#"{"settings": {"failReason": "internal"}}"#)
            let words = ["run", place.pipeline("tiktok"), "a.mp4", "--format", "json"]
            let failed = try await Program.run(words, in: place, environment: sandbox.environment)
            #expect(failed.status == 69, "\(failed.messages)")
            try await sandbox.faults(#"{"rules": []}"#)
            let again = try await Program.run(words, in: place, environment: sandbox.environment)
            #expect(again.status == 0, "\(again.output)")
            #expect(try again.events().contains { $0["event"] == "stage.reused" && $0["stage"] == "transcode" })
            let posts = try await sandbox.posts()
            #expect(posts.map { $0["status"]?.stringValue } == ["PUBLISH_COMPLETE", "FAILED"])
        }

        @Test func postingAgainIsOnPurposeAndOnceARun() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            let words = ["run", place.pipeline("tiktok"), "a.mp4"]
            for repost in [[], ["--repost"], [], ["--repost"]] {
                let run = try await Program.run(words + repost, in: place, environment: sandbox.environment)
                #expect(run.status == 0, "\(run.messages)")
            }
            #expect(try await sandbox.posts().count == 3)
            let both = try await Program.run(
                words + ["--repost", "--no-cache"], in: place, environment: sandbox.environment)
            #expect(both.status == 64)
        }

        @Test func aRepostThatDiedIsTheSamePostWhenItGoesOn() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            let words = ["run", place.pipeline("tiktok"), "a.mp4"]
            #expect(try await Program.run(words, in: place, environment: sandbox.environment).status == 0)
            try await sandbox.faults(#"{"settings": {"stuckStatus": "PROCESSING_UPLOAD"}}"#)
            let first = try Program(words + ["--repost"], in: place, environment: sandbox.environment)
            for _ in 0..<400 where try await sandbox.posts().count < 2 { try await Task.sleep(for: .milliseconds(25)) }
            first.signal(SIGKILL)
            _ = try await first.end()
            try await sandbox.faults(#"{"rules": []}"#)
            let second = try await Program.run(words + ["--repost"], in: place, environment: sandbox.environment)
            #expect(second.status == 0, "\(second.messages)")
            #expect(try await sandbox.posts().count == 2)
        }

        @Test func runsAreGivenUpAndErasedOnRequest() async throws {
            let place = try Place()
            try place.write("broken.mp4", "no footage")
            try await place.clip("a.mp4")
            try place.write(
                "p.json",
                #"{"stages": [{"uses": "probe"}, {"uses": "transcode"}, {"uses": "export", "with": {"directory": "out"}}]}"#
            )
            func list() async throws -> String {
                try await Program.run(["runs", "list"], in: place).output
            }
            #expect(try await Program.run(["run", "p.json", "a.mp4", "broken.mp4", "--keep"], in: place).status == 1)
            let id = String(try await list().prefix { $0 != " " })
            let work = place.home.appending(path: "runs/\(id)")
            #expect(FileManager.default.fileExists(atPath: work.path))
            #expect(try await Program.run(["runs", "cancel", id], in: place).status == 0)
            #expect(!FileManager.default.fileExists(atPath: work.path))
            #expect(try await list().contains("cancelled"))
            // The same command begins anew instead of going on with it.
            let again = try await Program.run(["run", "p.json", "a.mp4", "broken.mp4", "--format", "json"], in: place)
            #expect(try again.events().first?["resumed"] == false)

            #expect(try await Program.run(["runs", "prune"], in: place).status == 78)
            let kept = try await Program.run(["runs", "prune", "--older-than", "1d"], in: place)
            #expect(kept.status == 0 && kept.messages.contains("0 runs deleted"))
            let trial = try await Program.run(["runs", "prune", "--older-than", "1ms", "--dry-run"], in: place)
            #expect(trial.output.contains(id), "\(trial.output) \(trial.messages)")
            #expect(try await Program.run(["runs", "prune", "--older-than", "1ms"], in: place).status == 0)
            #expect(try await Program.run(["runs", "list"], in: place).messages.contains("no runs yet"))
            #expect(try await Program.run(["runs", "prune", "--older-than", "soon"], in: place).status == 64)
        }

        @Test func planShowsEveryStageAndWritesNothing() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            let plan = try await Program.run(
                ["plan", place.pipeline("tiktok"), "a.mp4", "--format", "json"], in: place)
            #expect(plan.status == 0, "\(plan.messages)")
            let root = try JSONDecoder().decode(JSONValue.self, from: Data(plan.output.utf8))
            guard case .array(let assets)? = root["assets"], case .array(let stages)? = assets.first?["stages"] else {
                Issue.record("no stages in \(plan.output)")
                return
            }
            #expect(stages.map { $0["stage"] }.prefix(4) == ["probe", "transcode", "chunk", "upload"])
            #expect(stages[1]["strategy"] == "encode")
            let dry = try await Program.run(["run", place.pipeline("tiktok"), "a.mp4", "--dry-run"], in: place)
            #expect(dry.status == 0)
            #expect(!FileManager.default.fileExists(atPath: place.home.path))
        }
    }
}
