import Foundation
import PipelineKit
import Testing

extension EndToEnd {
    /// Kills the program at the points where a second post or lost work would be easiest.
    @Suite(.serialized) struct CrashTests {
        /// Footage whose delivery takes at least three chunks, and the words that run it.
        private func large(_ place: Place) async throws -> [String] {
            try await place.clip(
                "big.mp4", seconds: 3, filter: "testsrc2=s=1080x1920:r=30", effect: ",noise=alls=60:allf=t",
                codec: ["-crf", "22", "-g", "30"])
            return [
                "run", place.pipeline("tiktok"), "big.mp4", "--format", "json", "--set", "chunk.size=5242880", "--set",
                "transcode.preset=ultrafast", "--set", "transcode.crf=16", "--set", "transcode.maxrate=50M",
            ]
        }

        private func wait(_ what: String, until condition: () async throws -> Bool) async throws {
            for _ in 0..<600 {
                if try await condition() { return }
                try await Task.sleep(for: .milliseconds(50))
            }
            Issue.record("waited in vain for \(what)")
        }

        @Test func killedWhileTranscodingItGoesOnAndPostsOnce() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4", seconds: 20, filter: "testsrc2=s=1280x720:r=30")
            let words = ["run", place.pipeline("tiktok"), "a.mp4", "--format", "json"]
            let first = try Program(words, in: place, environment: sandbox.environment)
            try await wait("progress") { first.outputSoFar.contains("stage.progress") }
            first.signal(SIGKILL)
            #expect(try await first.end().status == -9)
            let second = try await Program.run(words, in: place, environment: sandbox.environment)
            #expect(second.status == 0, "\(second.messages)")
            let events = try second.events()
            #expect(events.first?["resumed"] == true)
            let reused = try #require(events.first { $0["event"] == "stage.reused" })
            #expect(reused["stage"] == "probe")
            #expect(reused["reason"]?.stringValue?.isEmpty == false)
            #expect(try await sandbox.posts().count == 1)
        }

        @Test func killedInTheSecondChunkItSendsOnlyThatOneAgain() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            let words = try await large(place)
            try await sandbox.faults(
                #"{"rules": [{"match": {"method": "PUT", "path": "/upload/", "chunk": 2}, "times": 1, "action": {"delay": 20}}]}"#
            )
            let first = try Program(words, in: place, environment: sandbox.environment)
            try await wait("the first chunk") { try await sandbox.ranges().contains { $0.status == 206 } }
            try await Task.sleep(for: .milliseconds(300))
            first.signal(SIGKILL)
            _ = try await first.end()
            try await sandbox.faults(#"{"rules": []}"#)
            let second = try await Program.run(words, in: place, environment: sandbox.environment)
            #expect(second.status == 0, "\(second.messages)")
            try await expectOnePostAndNoRangeTwice(sandbox)
            #expect(try second.events().contains { $0["event"] == "stage.reused" && $0["stage"] == "transcode" })
        }

        @Test func otherSettingsDoNotMakeASecondPostWhileAnUploadIsOpen() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4", seconds: 2)
            try await sandbox.faults(
                #"{"rules": [{"match": {"method": "PUT", "path": "/upload/"}, "times": 1, "action": {"delay": 6}}]}"#)
            let words = ["run", place.pipeline("tiktok"), "a.mp4", "--format", "json"]
            let first = try Program(words, in: place, environment: sandbox.environment)
            try await wait("the upload") { first.outputSoFar.contains(#""stage":"upload""#) }
            try await Task.sleep(for: .milliseconds(700))
            first.signal(SIGKILL)
            _ = try await first.end()
            let other = try await Program.run(
                words + ["--set", "transcode.crf=30"], in: place, environment: sandbox.environment)
            #expect([75, 0].contains(other.status), "\(other.output)")
            let same = try await Program.run(words, in: place, environment: sandbox.environment)
            #expect(same.status == 0, "\(same.output)")
            #expect(try await sandbox.posts().count == 1)
            #expect(
                try await sandbox.log().filter { $0["path"]?.stringValue?.hasSuffix("/video/init/") == true }.count == 1
            )
        }

        @Test func interruptedBeforeWorkBeginsItExits130() async throws {
            let place = try Place()
            for index in 0..<12 { try await place.clip("\(index).mp4", seconds: 1) }
            let run = try Program(
                ["run", place.pipeline("prepare"), ".", "--format", "json"], in: place)
            try await wait("the program") { run.handles(SIGINT) }
            run.signal(SIGINT)
            let stopped = try await run.end()
            #expect(stopped.status == 130)
            #expect(try stopped.events().last?["event"] == "run.finished")
            #expect(try stopped.events().last?["status"] == 130)
            #expect(stopped.messages.contains("run the same command again"))
        }

        /// The short form of `make chaos`.
        @Test func killedAtAnyMomentEachAssetIsPostedOnce() async throws {
            let place = try Place()
            let script = Program.package.appending(path: "scripts/chaos").path
            let outcome = try await Program(
                ["python3", script, Program.path, "--runs", "8", "--lanes", "2", "--seed", "7"], in: place,
                executable: "/usr/bin/env"
            ).end()
            #expect(outcome.status == 0, "\(outcome.output) \(outcome.messages)")
            #expect(outcome.output.contains("), 8 posts, 0 duplicates, 0 lost"), "\(outcome.output)")
        }

        @Test func killedAfterTheLastChunkItOnlyAsksForTheStatus() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            let words = try await large(place)
            try await sandbox.faults(
                #"{"rules": [{"match": {"method": "POST", "path": "/v2/post/publish/status/fetch/"}, "times": 1, "action": {"delay": 20}}]}"#
            )
            let first = try Program(words, in: place, environment: sandbox.environment)
            try await wait("the last chunk") { try await sandbox.ranges().contains { $0.status == 201 } }
            try await Task.sleep(for: .milliseconds(200))
            first.signal(SIGKILL)
            _ = try await first.end()
            try await sandbox.faults(#"{"rules": []}"#)
            let sent = try await sandbox.ranges().count
            let second = try await Program.run(words, in: place, environment: sandbox.environment)
            #expect(second.status == 0, "\(second.messages)")
            #expect(try await sandbox.ranges().count == sent)
            try await expectOnePostAndNoRangeTwice(sandbox)
        }

        @Test func interruptedItExits130InTimeAndSaysHowToGoOn() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4", seconds: 20, filter: "testsrc2=s=1280x720:r=30")
            let words = ["run", place.pipeline("tiktok"), "a.mp4", "--format", "json"]
            let first = try Program(words, in: place, environment: sandbox.environment)
            try await wait("progress") { first.outputSoFar.contains("stage.progress") }
            let start = ContinuousClock.now
            first.signal(SIGINT)
            let stopped = try await first.end()
            #expect(ContinuousClock.now - start < .seconds(3))
            #expect(stopped.status == 130)
            #expect(stopped.messages.contains("runs resume"))
            #expect(try stopped.events().last?["status"] == 130)
            let id = try #require(try stopped.events().last?["run"]?.stringValue)
            let resumed = try await Program.run(["runs", "resume", id], in: place, environment: sandbox.environment)
            #expect(resumed.status == 0, "\(resumed.messages)")
            #expect(try await sandbox.posts().count == 1)
        }

        @Test func anInitWithoutAnswerIsUnconfirmedAndNeverSentAgain() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            try await sandbox.faults(
                #"{"rules": [{"match": {"method": "POST", "path": "/v2/post/publish/video/init/"}, "times": 1, "action": {"answer": {"status": 500}}}]}"#
            )
            let words = ["run", place.pipeline("tiktok"), "a.mp4"]
            let first = try await Program.run(words, in: place, environment: sandbox.environment)
            #expect(first.status == 1)
            #expect(first.messages.contains("unconfirmed"))
            let list = try await Program.run(["posts", "list", "--format", "json"], in: place)
            let posts = try JSONDecoder().decode([[String: JSONValue]].self, from: Data(list.output.utf8))
            let id = try #require(posts.first?["id"]?.stringValue)
            #expect(posts.first?["state"] == "unconfirmed")
            #expect(first.messages.contains(id))
            func inits() async throws -> Int {
                try await sandbox.log().filter { $0["path"]?.stringValue?.hasSuffix("/video/init/") == true }.count
            }
            let before = try await inits()
            let again = try await Program.run(words, in: place, environment: sandbox.environment)
            #expect(again.status == 1)
            #expect(again.messages.contains("unconfirmed"))
            #expect(try await inits() == before)
            // A person has looked: it was not posted.
            #expect(try await Program.run(["posts", "resolve", id, "--not-posted"], in: place).status == 0)
            #expect(try await Program.run(words, in: place, environment: sandbox.environment).status == 0)
            #expect(try await sandbox.posts().count == 1)
        }

        private func expectOnePostAndNoRangeTwice(_ sandbox: Sandbox) async throws {
            #expect(try await sandbox.posts().count == 1)
            let ranges = try await sandbox.ranges()
            #expect(ranges.count >= 3)
            let taken = ranges.filter { $0.status == 206 || $0.status == 201 }.map(\.range)
            #expect(Set(taken).count == taken.count, "\(ranges)")
            let inits = try await sandbox.log().filter { $0["path"]?.stringValue?.hasSuffix("/video/init/") == true }
            #expect(inits.count == 1)
        }
    }
}
