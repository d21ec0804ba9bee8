import Foundation
import PipelineKit
import SpreaderTesting
import Testing

extension EndToEnd {
    /// Long footage in parts, posted one after another.
    @Suite(.serialized) struct SeriesTests {
        private static let pipeline = """
            {
              "name": "series",
              "post": { "title": "{{ name }} {{ part }}/{{ parts }}" },
              "stages": [
                { "uses": "probe" },
                { "uses": "split", "with": { "maxDuration": 10 } },
                { "uses": "transcode", "with": { "preset": "ultrafast" } },
                { "uses": "export", "with": { "directory": "out" } },
                { "uses": "chunk" }, { "uses": "upload" }, { "uses": "publish" }
              ]
            }
            """

        private static let words = ["run", "series.json", "long.mp4", "--format", "json"]

        /// 25 s whose scenes begin at 8.5 s and 17.6 s.
        private func footage(_ place: Place) async throws {
            try place.write("series.json", Self.pipeline)
            try await place.clip(
                "long.mp4", seconds: 25, filter: "testsrc2=s=360x640:r=30",
                effect: ",negate=enable='between(t,8.49,17.59)'")
        }

        private func titles(_ sandbox: Sandbox) async throws -> [String] {
            try await sandbox.posts().compactMap { $0["title"]?.stringValue }
        }

        /// The requests that created a post.
        private func created(_ sandbox: Sandbox) async throws -> [JSONValue] {
            try await sandbox.log().filter {
                $0["path"]?.stringValue?.hasSuffix("/video/init/") == true && $0["status"] == 200
            }
        }

        /// The titles of the posts in the order in which the service was asked for them.
        private func order(_ sandbox: Sandbox) async throws -> [String] {
            let posts = try await sandbox.posts()
            return try await created(sandbox).compactMap { line in
                posts.first { $0["publishId"] == line["publishId"] }?["title"]?.stringValue
            }
        }

        @Test func postsThePartsInOrderEachADelivery() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await footage(place)
            let run = try await Program.run(Self.words, in: place, environment: sandbox.environment)
            #expect(run.status == 0, "\(run.messages)")
            let events = try run.events()
            #expect(events.last?["posts"] == 3 && events.last?["assets"] == 1)
            let split = try #require(events.first { $0["event"] == "stage.finished" && $0["stage"] == "split" })
            #expect(split["asset"] == "long.mp4")
            guard case .array(let cuts)? = split["cuts"] else {
                Issue.record("no cuts in \(split)")
                return
            }
            for (cut, scene) in zip(cuts.compactMap(\.doubleValue), [8.5, 17.6]) { #expect(abs(cut - scene) < 0.034) }
            #expect(try await order(sandbox) == ["long 1/3", "long 2/3", "long 3/3"])
            let out = place.work.appending(path: "out")
            let names = try FileManager.default.contentsOfDirectory(atPath: out.path).sorted()
            #expect(names == ["long-1.mp4", "long-2.mp4", "long-3.mp4"])
            if let failures = MediaCorpus.failures(of: names.map { out.appending(path: $0).path }) {
                #expect(failures == [])
            }
            // Again: nothing is sent, part by part.
            let before = try await sandbox.log().count
            let again = try await Program.run(Self.words, in: place, environment: sandbox.environment)
            #expect(again.status == 0)
            #expect(again.output.contains("already posted"))
            #expect(try await sandbox.log().count == before)
        }

        @Test func anotherNumberOfPartsIsNotPostedBesideThem() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await footage(place)
            #expect(try await Program.run(Self.words, in: place, environment: sandbox.environment).status == 0)
            for duration in [15, 60] {
                let other = try await Program.run(
                    Self.words + ["--set", "split.maxDuration=\(duration)"], in: place,
                    environment: sandbox.environment)
                #expect(other.status == 65, "\(other.messages)")
                #expect(other.output.contains(#""other-series""#), "\(other.output)")
            }
            #expect(try await sandbox.posts().count == 3)
        }

        @Test func aRefusedPartIsAllThatTheNextRunPosts() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await footage(place)
            try await sandbox.faults(
                #"""
                {"rules": [{"match": {"method": "POST", "path": "/v2/post/publish/video/init/"}, "after": 1, "times": 1,
                  "action": {"answer": {"status": 400, "code": "invalid_params", "message": "no"}}}]}
                """#)
            let first = try await Program.run(Self.words, in: place, environment: sandbox.environment)
            #expect(first.status == 1, "\(first.output)")
            #expect(Set(try await titles(sandbox)) == ["long 1/3", "long 3/3"])
            // As many parts, but cut elsewhere: the second one would begin with pictures of the first.
            let other = try await Program.run(
                Self.words + ["--set", "split.at=anywhere"], in: place, environment: sandbox.environment)
            #expect(other.status == 65, "\(other.output)")
            let told = try other.events().first { $0["event"] == "stage.failed" }?["message"]?.stringValue ?? ""
            #expect(told.hasSuffix("cut at 8.500, 17.600 s, but these options cut at 8.333, 16.667 s"), "\(told)")
            let failed = try first.events().filter { $0["event"] == "stage.failed" }
            #expect(failed.map { $0["asset"] } == ["long.mp4#2"])
            let second = try await Program.run(Self.words, in: place, environment: sandbox.environment)
            #expect(second.status == 0, "\(second.output)")
            #expect(try second.events().last?["posts"] == 1)
            #expect(try await titles(sandbox).sorted() == ["long 1/3", "long 2/3", "long 3/3"])
            #expect(
                try second.events().filter { $0["event"] == "stage.finished" }.allSatisfy {
                    $0["asset"] == "long.mp4#2"
                })
        }

        @Test func aJobWhosePartsFailedForDifferentReasonsGoesOn() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await footage(place)
            // The second part is refused, the third one limited.
            try await sandbox.faults(
                #"""
                {"rules": [
                  {"match": {"path": "/v2/post/publish/video/init/"}, "after": 1, "times": 1,
                   "action": {"answer": {"status": 400, "code": "invalid_params", "message": "no"}}},
                  {"match": {"path": "/v2/post/publish/video/init/"}, "after": 1, "times": 1,
                   "action": {"answer": {"status": 429, "code": "rate_limit_exceeded", "message": "slow down",
                                         "headers": {"Retry-After": "1"}}}}]}
                """#)
            func run(_ words: [String]) async throws -> Program.Outcome {
                try await Program.run(words, in: place, environment: sandbox.environment)
            }
            #expect(try await run(["enqueue", "series.json", "long.mp4"]).status == 0)
            #expect(try await run(["worker", "--drain"]).status == 0)
            #expect(try await titles(sandbox) == ["long 1/3"])
            let waiting = try await run(["jobs", "list"]).output
            #expect(waiting.contains("retryable"), "\(waiting)")
            let id = try #require(waiting.split(separator: " ").first.map(String.init))
            #expect(try await run(["jobs", "retry", id]).status == 0)
            #expect(try await run(["worker", "--drain"]).status == 0)
            #expect(try await titles(sandbox).sorted() == ["long 1/3", "long 2/3", "long 3/3"])
            #expect(try await run(["jobs", "list"]).output.contains("completed"))
        }

        @Test func killedInTheSecondPartItGoesOnThereAndPostsEachOnce() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await footage(place)
            try await sandbox.faults(
                #"{"rules": [{"match": {"method": "PUT", "path": "/upload/"}, "after": 1, "times": 1, "action": {"delay": 20}}]}"#
            )
            let first = try Program(Self.words, in: place, environment: sandbox.environment)
            for _ in 0..<1200 where try await created(sandbox).count < 2 {
                try await Task.sleep(for: .milliseconds(50))
            }
            first.signal(SIGKILL)
            #expect(try await first.end().status == -9)
            try await sandbox.faults(#"{"rules": []}"#)
            let second = try await Program.run(Self.words, in: place, environment: sandbox.environment)
            #expect(second.status == 0, "\(second.output)")
            let reused = try second.events().filter { $0["event"] == "stage.reused" }
            #expect(reused.contains { $0["asset"] == "long.mp4" && $0["stage"] == "split" })
            #expect(reused.contains { $0["asset"] == "long.mp4#2" && $0["stage"] == "transcode" })
            #expect(try await order(sandbox) == ["long 1/3", "long 2/3", "long 3/3"])
            #expect(
                try await sandbox.posts().filter { $0["status"] == "PUBLISH_COMPLETE" }.count == 3)
        }
    }
}
