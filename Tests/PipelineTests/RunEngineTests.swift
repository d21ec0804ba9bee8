import Foundation
import PipelineEngine
import PipelineFile
import PipelineKit
import Posting
import SpreaderTesting
import Store
import Synchronization
import Testing

@Suite struct RunEngineTests {
    @Test func takesAnAssetThroughAllStagesAndEndsWithRunFinished() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let request = bench.request(
            try bench.pipeline(#"{"uses": "look"}, {"uses": "cook"}, {"uses": "send"}"#), ["a.mp4"])
        let summary = try await bench.run(request)
        #expect(summary.status == 0)
        #expect(summary.posts == 1)
        #expect(
            bench.recorder.names == [
                "run.started", "asset.started", "stage.started", "stage.finished", "stage.started", "stage.finished",
                "stage.started", "stage.finished", "post.published", "asset.finished", "run.finished",
            ])
        for event in bench.recorder.json where event["event"]?.stringValue?.contains("stage") == true {
            #expect(event["asset"] == "a.mp4")
            #expect(event["stage"] != nil)
        }
        let post = try #require(bench.recorder.json.first { $0["event"] == "post.published" })
        #expect(post["publishId"] == "p-1")
        #expect(post["postIds"] == [7])
    }

    @Test func aRepostThatPostedForTheFirstTimeDoesNotPostTwiceWhenItGoesOn() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        try bench.footage("b.mp4")
        Behaviours.shared.register("fail-b-once") { (context) throws(StageError) in
            if context.asset == "b.mp4", try await context.checkpoints.value("tried") == nil {
                try await context.checkpoints.set("tried", to: true)
                throw StageError(.media, "not yet")
            }
        }
        var request = bench.request(
            try bench.pipeline(
                #"{"uses": "look"}, {"uses": "cook", "with": {"behaviour": "fail-b-once"}}, {"uses": "send"}"#),
            ["a.mp4", "b.mp4"])
        request.reposts = true
        #expect(try await bench.run(request).posts == 1)
        // Another option makes other keys, so that nothing is reused.
        var again = bench.request(
            try bench.pipeline(
                #"{"uses": "look"}, {"uses": "cook", "with": {"behaviour": "fail-b-once", "number": 1}}, {"uses": "send"}"#
            ), ["a.mp4", "b.mp4"])
        again.reposts = true
        let summary = try await bench.run(again)
        #expect(summary.status == 0 && summary.posts == 1)
        #expect(try await bench.ledger.posts(limit: 10).count == 2)
    }

    @Test func aScheduledAssetDoesNotHoldUpTheOthers() async throws {
        let bench = try Bench()
        for number in 0..<9 { try bench.footage("\(number).mp4", "content \(number)") }
        try Data(#"{"schedule": "+2h"}"#.utf8).write(to: bench.folder.appending(path: "0.json"))
        let request = bench.request(
            try bench.pipeline(#"{"uses": "look"}, {"uses": "send"}"#), (0..<9).map { "\($0).mp4" }, waits: false)
        let summary = try await bench.run(request)
        #expect(summary.posts == 8)
        #expect(bench.recorder.json.contains { $0["code"] == "scheduled" })
    }

    @Test func whatCannotBeUndoneIsDoneOnceAlsoWithoutAPost() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let rings = Mutex(0)
        let tries = Mutex(0)
        Behaviours.shared.register("ring-once") { _ in rings.withLock { $0 += 1 } }
        Behaviours.shared.register("cook-second-time") { (_) throws(StageError) in
            let number = tries.withLock { tries in
                tries += 1
                return tries
            }
            if number == 1 { throw StageError(.media, "burnt") }
        }
        let request = bench.request(
            try bench.pipeline(
                #"{"uses": "look"}, {"uses": "ring", "with": {"behaviour": "ring-once"}}, {"uses": "cook", "with": {"behaviour": "cook-second-time"}}"#
            ), ["a.mp4"])
        #expect(try await bench.run(request).status == 1)
        #expect(try await bench.run(request).status == 0)
        #expect(rings.withLock { $0 } == 1)
    }

    @Test func aScheduledPostIsHeldBackUntilItsMoment() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let clock = ManualClock()
        var host = bench.host()
        host.clock = clock.host
        let pipeline = try bench.pipeline(#"{"uses": "look"}, {"uses": "send"}"#, post: #"{"schedule": "+2h"}"#)
        let hasty = bench.request(pipeline, ["a.mp4"], waits: false)
        let early = await RunEngine(request: hasty, host: host).run(try await RunEngine.record(for: hasty, host: host))
        #expect(early.status == 75 && early.posts == 0 && clock.waits.isEmpty)
        // The run goes on where it stood, an hour later: the moment has not moved.
        clock.advance(by: .seconds(3600))
        let patient = bench.request(pipeline, ["a.mp4"])
        let record = try await RunEngine.record(for: patient, host: host)
        #expect(record.isResumed)
        let late = await RunEngine(request: patient, host: host).run(record)
        #expect(late.status == 0 && late.posts == 1)
        #expect(clock.waits.reduce(.zero, +) == .seconds(3600))
        let names = bench.recorder.names
        let held = try #require(names.lastIndex(of: "diagnostic"))
        #expect(names[held...].contains("stage.started") && !names[..<held].contains("post.published"))
    }

    @Test func postsNothingForFootageThatIsPosted() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let request = bench.request(try bench.pipeline(#"{"uses": "look"}, {"uses": "send"}"#), ["a.mp4"])
        _ = try await bench.run(request)
        let again = try await bench.run(request)
        #expect(again.status == 0)
        #expect(again.posts == 0)
        let last = try #require(bench.recorder.json.last { $0["event"] == "asset.finished" })
        #expect(last["outcome"] == "skipped")
        #expect(last["reason"]?.stringValue?.contains("already posted as p-1") == true)
    }

    @Test func postsTwinsOnce() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4", "same")
        try bench.footage("b.mp4", "same")
        let request = bench.request(try bench.pipeline(#"{"uses": "look"}, {"uses": "send"}"#), ["a.mp4", "b.mp4"])
        let summary = try await bench.run(request)
        #expect(summary.status == 0)
        #expect(summary.posts == 1)
    }

    @Test func keepsAFailureToItsAsset() async throws {
        let bench = try Bench()
        for name in ["a.mp4", "b.mp4", "c.mp4"] { try bench.footage(name) }
        let key = UUID().uuidString
        Behaviours.shared.register(key) { (context) throws(StageError) in
            if context.asset == "b.mp4" { throw StageError(.unusableFootage, "b is broken") }
        }
        let request = bench.request(
            try bench.pipeline(#"{"uses": "look", "with": {"behaviour": "\#(key)"}}, {"uses": "send"}"#),
            ["a.mp4", "b.mp4", "c.mp4"])
        let summary = try await bench.run(request)
        #expect(summary.status == 1)
        #expect(summary.posts == 2)
    }

    @Test func takesAnAssetUpAnewWhenItsFootageChanged() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4", "half")
        let key = UUID().uuidString
        let isFirst = Mutex(true)
        Behaviours.shared.register(key) { [bench] (_) throws(StageError) in
            let first = isFirst.withLock { first in
                defer { first = false }
                return first
            }
            guard first else { return }
            try? bench.footage("a.mp4", "half and whole")
            throw StageError(.footageChanged, "a.mp4 grew")
        }
        let request = bench.request(
            try bench.pipeline(#"{"uses": "look", "with": {"behaviour": "\#(key)"}}, {"uses": "send"}"#), ["a.mp4"])
        #expect(try await bench.run(request).status == 0)
        #expect(bench.recorder.names.filter { $0 == "stage.retrying" }.count == 1)
        // The post belongs to the whole file.
        let digest = try await FileDigests(nil).sha256(of: bench.folder.appending(path: "a.mp4").path)
        #expect(try await bench.ledger.find(PostKey(account: "me", digest: digest, slot: "test"))?.state == .published)
    }

    @Test func refusedFootageAloneExits65() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        var request = bench.request(try bench.pipeline(#"{"uses": "look"}"#), [])
        request.refused = [RefusedAsset(asset: "x.mp4", error: StageError(.unusableFootage, "no picture"))]
        #expect(try await bench.run(request).status == 65)
        request.assets = bench.request(request.pipeline, ["a.mp4"]).assets
        #expect(try await bench.run(request).status == 1)
    }

    @Test func triesAgainWhatPasses() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let key = UUID().uuidString
        Behaviours.shared.register(key) { (context) throws(StageError) in
            if context.attempt < 3 { throw StageError(.unavailable, "down", recovery: .transient(after: nil)) }
        }
        let request = bench.request(
            try bench.pipeline(#"{"uses": "look"}, {"uses": "send", "with": {"behaviour": "\#(key)"}}"#), ["a.mp4"])
        #expect(try await bench.run(request).status == 0)
        // Full jitter with a random number of 0.5: half of 1 s, then half of 2 s.
        #expect(bench.slept.withLock { $0 } == [.seconds(0.5), .seconds(1)])
        let retries = bench.recorder.json.filter { $0["event"] == "stage.retrying" }
        #expect(retries.map { $0["attempt"] } == [2, 3])
        #expect(retries.first?["delay"] == 0.5)
    }

    @Test func givesUpAfterTheAttemptsWithTheErrorsStatus() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let key = UUID().uuidString
        let attempts = Mutex(0)
        Behaviours.shared.register(key) { (_) throws(StageError) in
            attempts.withLock { $0 += 1 }
            throw StageError(.unavailable, "down", recovery: .transient(after: 4))
        }
        let request = bench.request(
            try bench.pipeline(
                #"{"uses": "look"}, {"uses": "send", "with": {"behaviour": "\#(key)"}, "retry": {"attempts": 3}}"#),
            ["a.mp4"])
        #expect(try await bench.run(request).status == 69)
        #expect(attempts.withLock { $0 } == 3)
        // What the service says about waiting wins over the back-off.
        #expect(bench.slept.withLock { $0 } == [.seconds(4), .seconds(4)])
    }

    @Test func waitsForLimitsUnlessToldNotTo() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let key = UUID().uuidString
        let isFirst = Mutex(true)
        Behaviours.shared.register(key) { (_) throws(StageError) in
            let refuses = isFirst.withLock { first in
                defer { first = false }
                return first
            }
            if refuses { throw StageError(.limited, "slow down", recovery: .limited(after: 12)) }
        }
        let stages = #"{"uses": "look"}, {"uses": "send", "with": {"behaviour": "\#(key)"}, "retry": {"attempts": 1}}"#
        let impatient = try await bench.run(bench.request(try bench.pipeline(stages), ["a.mp4"], waits: false))
        #expect(impatient.status == 75)
        isFirst.withLock { $0 = true }
        #expect(try await bench.run(bench.request(try bench.pipeline(stages), ["a.mp4"])).status == 0)
        #expect(bench.slept.withLock { $0 } == [.seconds(12)])
    }

    @Test func neverRepeatsWhatIsAmbiguous() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let key = UUID().uuidString
        let attempts = Mutex(0)
        Behaviours.shared.register(key) { (_) throws(StageError) in
            attempts.withLock { $0 += 1 }
            throw StageError(.unconfirmed, "no answer", recovery: .ambiguous)
        }
        let request = bench.request(
            try bench.pipeline(#"{"uses": "look"}, {"uses": "send", "with": {"behaviour": "\#(key)"}}"#), ["a.mp4"])
        #expect(try await bench.run(request).status == 1)
        #expect(attempts.withLock { $0 } == 1)
    }

    @Test func goesOnWhereAFailedRunStood() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let key = UUID().uuidString
        let cooked = Mutex(0)
        let isDown = Mutex(true)
        Behaviours.shared.register(key + "cook") { (_) throws(StageError) in cooked.withLock { $0 += 1 } }
        Behaviours.shared.register(key + "send") { (_) throws(StageError) in
            if isDown.withLock({ $0 }) { throw StageError(.unavailable, "down") }
        }
        let stages = """
            {"uses": "look"}, {"uses": "cook", "with": {"behaviour": "\(key)cook"}},
            {"uses": "send", "with": {"behaviour": "\(key)send"}}
            """
        #expect(try await bench.run(bench.request(try bench.pipeline(stages), ["a.mp4"])).status == 69)
        isDown.withLock { $0 = false }
        #expect(try await bench.run(bench.request(try bench.pipeline(stages), ["a.mp4"])).status == 0)
        #expect(cooked.withLock { $0 } == 1)
        let reused = bench.recorder.json.filter { $0["event"] == "stage.reused" }
        #expect(reused.map { $0["stage"] } == ["look", "cook"])
        #expect(reused.first?["reason"]?.stringValue?.contains("input and options are unchanged") == true)
        let runs = try await SQLJournal(bench.store).runs(limit: 10)
        #expect(runs.count == 1)
        #expect(runs.first?.status == .succeeded)
    }

    @Test func whatFollowsAStageThatIsDoneAnewIsDoneAnewUnlessItGaveTheSame() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let pipeline = try bench.pipeline(#"{"uses": "look"}, {"uses": "stamp"}, {"uses": "cook"}"#)
        for _ in 0..<2 {
            #expect(try await bench.run(bench.request(pipeline, ["a.mp4"]), caches: true).status == 0)
        }
        let reused = bench.recorder.json.filter { $0["event"] == "stage.reused" }.map { $0["stage"] }
        #expect(reused == ["look"])
        let journal = SQLJournal(bench.store)
        for run in try await journal.runs(limit: 9) {
            let cooked = try await journal.stages(run: run.id, asset: "a.mp4").first { $0.stage == "cook" }
            #expect(cooked?.artifact["marks"] == ["look", .string("stamped in \(run.id)"), "cook"])
        }
    }

    @Test func filesOfTheSameNameStayApartWhenTheyAreReused() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let pipeline = try bench.pipeline(#"{"uses": "look"}, {"uses": "pack"}, {"uses": "unpack"}"#)
        for _ in 0..<2 {
            #expect(try await bench.run(bench.request(pipeline, ["a.mp4"]), caches: true).status == 0)
        }
        let reused = bench.recorder.json.filter { $0["event"] == "stage.reused" }.map { $0["stage"] }
        #expect(reused == ["look", "pack"])
        let journal = SQLJournal(bench.store)
        let runs = try await journal.runs(limit: 9)
        #expect(runs.count == 2)
        for run in runs {
            let read = try await journal.stages(run: run.id, asset: "a.mp4").first { $0.stage == "unpack" }
            #expect(read?.artifact["marks"] == ["one", "two"])
        }
    }

    @Test func footageThatIsWrittenToMeanwhileIsTakenUpAnewAndNothingIsKeptOfIt() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4", "before")
        let key = UUID().uuidString
        let cooked = Mutex(0)
        Behaviours.shared.register(key) { (context) throws(StageError) in
            let count = cooked.withLock { value in
                value += 1
                return value
            }
            if count == 1 { try? bench.footage("a.mp4", "afterwards") }
        }
        let pipeline = try bench.pipeline(
            #"{"uses": "look"}, {"uses": "cook", "with": {"behaviour": "\#(key)"}}, {"uses": "send"}"#)
        let summary = try await bench.run(bench.request(pipeline, ["a.mp4"]), caches: true)
        #expect(summary.status == 0 && summary.posts == 1)
        #expect(bench.recorder.json.contains { $0["event"] == "stage.retrying" && $0["code"] == "footage-changed" })
        // The post is that of the content that was read in the end.
        let digest = try await FileDigests(nil).sha256(of: bench.folder.appending(path: "a.mp4").path)
        let post = try await bench.ledger.find(PostKey(account: "me", digest: digest, slot: "test"))
        #expect(post?.state == .published)
        // What was made of neither content is not taken for the output of the first one.
        try bench.footage("a.mp4", "before")
        #expect(try await bench.run(bench.request(pipeline, ["a.mp4"]), caches: true).posts == 1)
        #expect(cooked.withLock { $0 } == 3)
    }

    @Test func doesAStageAnewWhenItsOptionsChanged() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let key = UUID().uuidString
        let cooked = Mutex(0)
        Behaviours.shared.register(key) { (_) throws(StageError) in
            let count = cooked.withLock { value in
                value += 1
                return value
            }
            if count == 1 { throw StageError(.media, "the first time fails") }
        }
        func stages(_ number: Int) -> String {
            #"{"uses": "look", "with": {"number": \#(number)}}, {"uses": "cook", "with": {"behaviour": "\#(key)"}}"#
        }
        _ = try await bench.run(bench.request(try bench.pipeline(stages(1)), ["a.mp4"]))
        _ = try await bench.run(bench.request(try bench.pipeline(stages(2)), ["a.mp4"]))
        #expect(!bench.recorder.names.contains("stage.reused"))
    }

    @Test(arguments: [("salt", 1), ("pepper", 2)])
    func doesWhatFollowsAnewWhenAFileBesideTheFootageChanged(second: String, times: Int) async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        try bench.footage("extra", "salt")
        let key = UUID().uuidString
        let cooked = Mutex(0)
        Behaviours.shared.register(key + "cook") { (_) throws(StageError) in cooked.withLock { $0 += 1 } }
        Behaviours.shared.register(key + "send") { (_) throws(StageError) in throw StageError(.unavailable, "down") }
        let stages = """
            {"uses": "look"}, {"uses": "season"}, {"uses": "cook", "with": {"behaviour": "\(key)cook"}},
            {"uses": "send", "with": {"behaviour": "\(key)send"}}
            """
        _ = try await bench.run(bench.request(try bench.pipeline(stages), ["a.mp4"]))
        try bench.footage("extra", second)
        _ = try await bench.run(bench.request(try bench.pipeline(stages), ["a.mp4"]))
        #expect(cooked.withLock { $0 } == times)
    }

    @Test func subtitlesBesideFootageAreNoFootage() throws {
        let bench = try Bench()
        for name in ["a.mp4", "a.srt", "a.ass", "alone.srt"] { try bench.footage(name) }
        let found = InputResolver.resolve([("*", SourcePosition(file: "test"))], in: bench.folder)
        #expect(found.assets.map(\.name).filter { !$0.hasPrefix("s.db") } == ["a.mp4", "alone.srt"])
    }

    @Test func doesAnAssetAnewWhenItsContentChanged() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4", "one")
        let key = UUID().uuidString
        Behaviours.shared.register(key) { (_) throws(StageError) in throw StageError(.media, "fails") }
        let stages = #"{"uses": "look"}, {"uses": "cook", "with": {"behaviour": "\#(key)"}}"#
        _ = try await bench.run(bench.request(try bench.pipeline(stages), ["a.mp4"]))
        try bench.footage("a.mp4", "two!")
        _ = try await bench.run(bench.request(try bench.pipeline(stages), ["a.mp4"]))
        #expect(!bench.recorder.names.contains("stage.reused"))
    }

    @Test func interruptedRunsExit130AndStayResumable() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let key = UUID().uuidString
        let (started, signal) = AsyncStream.makeStream(of: Void.self)
        Behaviours.shared.register(key) { (_) throws(StageError) in
            signal.yield()
            do {
                try await Task.sleep(for: .seconds(60))
            } catch {
                throw .cancelled
            }
        }
        let request = bench.request(
            try bench.pipeline(#"{"uses": "look", "with": {"behaviour": "\#(key)"}}"#), ["a.mp4"])
        let work = Task { try await bench.run(request) }
        for await _ in started { break }
        work.cancel()
        #expect(try await work.value.status == 130)
        #expect(try await SQLJournal(bench.store).unfinishedRun(fingerprint: "f")?.status == .interrupted)
        #expect(bench.recorder.names.last == "run.finished")
    }

    @Test func oneProcessorStageAtATimeWhileAnotherAssetSends() async throws {
        let bench = try Bench()
        for name in ["a.mp4", "b.mp4"] { try bench.footage(name) }
        let key = UUID().uuidString
        let cooking = Mutex(0)
        let most = Mutex(0)
        let (secondCooks, signal) = AsyncStream.makeStream(of: Void.self)
        let order = Mutex<[String]>([])
        Behaviours.shared.register(key + "cook") { (context) throws(StageError) in
            let now = cooking.withLock { value in
                value += 1
                return value
            }
            most.withLock { $0 = max($0, now) }
            let count = order.withLock { list in
                list.append(context.asset)
                return list.count
            }
            if count == 2 { signal.finish() }
            await Task.yield()
            cooking.withLock { $0 -= 1 }
        }
        Behaviours.shared.register(key + "send") { (context) throws(StageError) in
            // The first asset's sending ends only once the second one is being cooked.
            if order.withLock({ $0.first }) == context.asset { for await _ in secondCooks {} }
        }
        let stages = """
            {"uses": "look"}, {"uses": "cook", "with": {"behaviour": "\(key)cook"}},
            {"uses": "send", "with": {"behaviour": "\(key)send"}}
            """
        let summary = try await bench.run(bench.request(try bench.pipeline(stages), ["a.mp4", "b.mp4"]))
        #expect(summary.status == 0)
        #expect(most.withLock { $0 } == 1)
    }

    @Test func startsNothingMoreOnceTheAccountIsRefused() async throws {
        let bench = try Bench()
        let names = (1...9).map { "\($0).mp4" }
        for name in names { try bench.footage(name) }
        let key = UUID().uuidString
        let sent = Mutex(0)
        Behaviours.shared.register(key) { (_) throws(StageError) in
            sent.withLock { $0 += 1 }
            throw StageError(.notAuthorised, "token refused")
        }
        let request = bench.request(
            try bench.pipeline(#"{"uses": "look"}, {"uses": "send", "with": {"behaviour": "\#(key)"}}"#), names)
        #expect(try await bench.run(request).status == 77)
        #expect(sent.withLock { $0 } < names.count)
    }

    @Test func stopsAStageThatOutlastsItsTimeout() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let key = UUID().uuidString
        Behaviours.shared.register(key) { (_) throws(StageError) in
            do {
                try await Task.sleep(for: .seconds(60))
            } catch {
                throw .cancelled
            }
        }
        let request = bench.request(
            try bench.pipeline(#"{"uses": "look", "timeout": "5s", "with": {"behaviour": "\#(key)"}}"#), ["a.mp4"])
        #expect(try await bench.run(request).status == 1)
        let failure = try #require(bench.recorder.json.first { $0["event"] == "stage.failed" })
        #expect(failure["code"] == "timeout")
    }

    @Test func removesWorkFilesAfterSuccessUnlessKept() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let key = UUID().uuidString
        Behaviours.shared.register(key) { (context) throws(StageError) in
            try? Data("x".utf8).write(to: context.workDirectory.appending(path: "work.bin"))
        }
        let stages = #"{"uses": "look", "with": {"behaviour": "\#(key)"}}, {"uses": "send"}"#
        _ = try await bench.run(bench.request(try bench.pipeline(stages), ["a.mp4"]))
        let work = bench.folder.appending(path: "work").path
        #expect(try FileManager.default.contentsOfDirectory(atPath: work).isEmpty)
        try bench.footage("b.mp4")
        _ = try await bench.run(bench.request(try bench.pipeline(stages), ["b.mp4"], keep: true))
        #expect(try FileManager.default.contentsOfDirectory(atPath: work).count == 1)
    }

    @Test func aSecondProcessDoesNotDoTheSameRun() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let key = UUID().uuidString
        let (started, signal) = AsyncStream.makeStream(of: Void.self)
        let (release, go) = AsyncStream.makeStream(of: Void.self)
        Behaviours.shared.register(key) { (_) throws(StageError) in
            signal.yield()
            for await _ in release {}
        }
        let request = bench.request(
            try bench.pipeline(#"{"uses": "look", "with": {"behaviour": "\#(key)"}}"#), ["a.mp4"])
        let first = Task { try await bench.run(request) }
        for await _ in started { break }
        #expect(try await bench.run(request).status == 75)
        go.finish()
        #expect(try await first.value.status == 0)
    }
}

@Suite struct RetryPolicyTests {
    @Test func doublesUpToTheMaximumWithFullJitter() {
        let policy = RetryPolicy(attempts: 9, delay: .seconds(1), maximumDelay: .seconds(10))
        #expect((2...7).map { policy.backoff(before: $0, random: 1).inSeconds } == [1, 2, 4, 8, 10, 10])
        #expect(policy.backoff(before: 5, random: 0) == .zero)
        #expect(policy.backoff(before: 200, random: 1) == .seconds(10))
    }
}
