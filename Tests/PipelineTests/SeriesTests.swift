import Foundation
import PipelineEngine
import PipelineFile
import PipelineKit
import Posting
import SpreaderTesting
import Store
import Synchronization
import Testing

/// A stage that makes several things of one: each goes through the rest as an asset of its own.
@Suite struct SeriesTests {
    /// What stages did, in the order in which they did it.
    private final class Diary: Sendable {
        private let lines = Mutex<[String]>([])
        func note(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    private static func stages(
        _ number: Int = 3, cook: String = "", send: String = "", last: String = "send"
    ) -> String {
        #"{"uses": "look"}, {"uses": "slice", "with": {"number": \#(number)}}, {"uses": "cook", "with": {"behaviour": "\#(cook)"}}"#
            + (last.isEmpty ? "" : #", {"uses": "\#(last)", "with": {"behaviour": "\#(send)"}}"#)
    }

    private static let title = #"{"title": "{{ name }} {{ part }}/{{ parts }}"}"#

    @Test func postsPartsInTheirOrderWhileLaterOnesAreBeingPrepared() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let (cook, send, diary) = (UUID().uuidString, UUID().uuidString, Diary())
        Behaviours.shared.register(cook) { diary.note("cook \($0.asset)") }
        Behaviours.shared.register(send) { (context) throws(StageError) in
            diary.note("send \(context.asset): \(context.post.title)")
            // The first post takes until the second part is prepared: were that not to happen, this would fail.
            for _ in 0..<1_000_000 where context.asset == "a.mp4#1" {
                if diary.all.contains("cook a.mp4#2") { return }
                await Task.yield()
            }
            if context.asset == "a.mp4#1" { throw StageError(.timeout, "nothing was prepared meanwhile") }
        }
        let request = bench.request(
            try bench.pipeline(Self.stages(cook: cook, send: send), post: Self.title), ["a.mp4"])
        let summary = try await bench.run(request, budget: 2)
        #expect(summary.status == 0 && summary.posts == 3 && summary.assets == 1)
        #expect(
            diary.all.filter { $0.hasPrefix("send") } == [
                "send a.mp4#1: a 1/3", "send a.mp4#2: a 2/3", "send a.mp4#3: a 3/3",
            ])
        let digest = try await FileDigests(nil).sha256(of: bench.folder.appending(path: "a.mp4").path)
        for slot in ["test#1/3", "test#2/3", "test#3/3"] {
            let post = try await bench.ledger.find(PostKey(account: "me", digest: digest, slot: slot))
            #expect(post?.state == .published)
        }
    }

    @Test func everyEventTellsItsPart() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        _ = try await bench.run(bench.request(try bench.pipeline(Self.stages(2)), ["a.mp4"]))
        func told(_ event: JSONValue) -> String {
            "\(event["event"]?.stringValue ?? "") \(event["asset"]?.stringValue ?? "")"
        }
        let starts = bench.recorder.json.map(told).filter { $0.hasPrefix("asset.started") }
        #expect(starts == ["asset.started a.mp4", "asset.started a.mp4#1", "asset.started a.mp4#2"])
        let ends = bench.recorder.json.map(told).filter { $0.hasPrefix("asset.finished") }
        #expect(ends == ["asset.finished a.mp4#1", "asset.finished a.mp4#2", "asset.finished a.mp4"])
        let first = try #require(bench.recorder.json.first { told($0) == "asset.started a.mp4#1" })
        #expect(first["stage"] == "cook")
        #expect(bench.recorder.json.map(told).contains("post.published a.mp4#2"))
        let cooked = bench.recorder.json.filter { $0["event"] == "stage.finished" && $0["stage"] == "cook" }
        #expect(Set(cooked.map { $0["asset"] }) == ["a.mp4#1", "a.mp4#2"])
        #expect(bench.recorder.json.last?["assets"] == 1)
    }

    @Test func namesSortInTheOrderOfTheParts() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        _ = try await bench.run(bench.request(try bench.pipeline(Self.stages(11)), ["a.mp4"]))
        let posts = try await bench.ledger.posts(limit: 20)
        #expect(posts.count == 11)
        #expect(posts.reversed().map(\.asset) == posts.map(\.asset).sorted())
        #expect(Set(posts.map(\.asset)).isSuperset(of: ["a.mp4#01", "a.mp4#11"]))
    }

    @Test func aPartThatFailsDoesNotKeepTheOthersAndIsAllThatIsDoneNext() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let (cook, diary) = (UUID().uuidString, Diary())
        let isBroken = Mutex(true)
        Behaviours.shared.register(cook) { (context) throws(StageError) in
            diary.note(context.asset)
            if context.asset == "a.mp4#2", isBroken.withLock({ $0 }) { throw StageError(.media, "burnt") }
        }
        let request = bench.request(try bench.pipeline(Self.stages(cook: cook)), ["a.mp4"])
        let first = try await bench.run(request)
        #expect(first.status == 1 && first.posts == 2 && first.assets == 1)
        let end = try #require(
            bench.recorder.json.last { $0["event"] == "asset.finished" && $0["asset"] == "a.mp4" })
        #expect(end["outcome"] == "failed" && end["code"] == "media")
        #expect(end["message"]?.stringValue?.hasPrefix("1 of 3 parts failed: burnt") == true)
        isBroken.withLock { $0 = false }
        let before = diary.all.count
        let second = try await bench.run(request)
        #expect(second.status == 0 && second.posts == 1)
        #expect(Array(diary.all[before...]) == ["a.mp4#2"])
        #expect(try await bench.ledger.posts(limit: 9).count == 3)
        let third = try await bench.run(request)
        #expect(third.status == 0 && third.posts == 0)
        let last = try #require(bench.recorder.json.last { $0["event"] == "asset.finished" })
        #expect(last["outcome"] == "skipped")
        #expect(last["reason"]?.stringValue?.contains("already posted") == true)
    }

    @Test func refusedPartsBesideGoodOnesExit1AndAllOfThem65() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let cook = UUID().uuidString
        let refused = Mutex<Set<String>>(["a.mp4#2"])
        Behaviours.shared.register(cook) { (context) throws(StageError) in
            if refused.withLock({ $0.contains(context.asset) }) { throw StageError(.unusableFootage, "no picture") }
        }
        let request = bench.request(try bench.pipeline(Self.stages(2, cook: cook, last: "")), ["a.mp4"])
        #expect(try await bench.run(request).status == 1)
        refused.withLock { $0 = ["a.mp4#1", "a.mp4#2"] }
        var fresh = request
        fresh.usesCache = false
        #expect(try await bench.run(fresh).status == 65)
    }

    @Test func whatEndsAPostForAllEndsTheLaterOnesToo() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let (send, diary) = (UUID().uuidString, Diary())
        Behaviours.shared.register(send) { (context) throws(StageError) in
            diary.note(context.asset)
            throw StageError(.notAuthorised, "token refused")
        }
        let request = bench.request(try bench.pipeline(Self.stages(send: send)), ["a.mp4"])
        #expect(try await bench.run(request).status == 77)
        #expect(diary.all == ["a.mp4#1"])
    }

    @Test func preparedPartsAreKeptUntilAllOfThemAreThrough() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let (cook, diary) = (UUID().uuidString, Diary())
        let isBroken = Mutex(true)
        Behaviours.shared.register(cook) { (context) throws(StageError) in
            diary.note(context.asset)
            if context.asset == "a.mp4#3", isBroken.withLock({ $0 }) { throw StageError(.media, "burnt") }
        }
        let request = bench.request(try bench.pipeline(Self.stages(cook: cook, last: "")), ["a.mp4"])
        #expect(try await bench.run(request).status == 1)
        isBroken.withLock { $0 = false }
        #expect(try await bench.run(request).status == 0)
        #expect(diary.all.sorted() == ["a.mp4#1", "a.mp4#2", "a.mp4#3", "a.mp4#3"])
    }

    @Test func workFilesOfEachPartAreItsOwnAndGoWithSuccess() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let (cook, diary) = (UUID().uuidString, Diary())
        Behaviours.shared.register(cook) { (context) throws(StageError) in
            let file = context.workDirectory.appending(path: "file")
            if FileManager.default.fileExists(atPath: file.path) { throw StageError(.fileSystem, "taken") }
            _ = FileManager.default.createFile(atPath: file.path, contents: nil)
            diary.note(context.workDirectory.lastPathComponent)
        }
        let request = bench.request(try bench.pipeline(Self.stages(cook: cook)), ["a.mp4"])
        #expect(try await bench.run(request).status == 0)
        #expect(diary.all.sorted() == ["part-1", "part-2", "part-3"])
        let work = try FileManager.default.contentsOfDirectory(
            atPath: bench.folder.appending(path: "work").path)
        #expect(work.isEmpty)
    }

    @Test func oneElementIsTheAssetItself() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let request = bench.request(try bench.pipeline(Self.stages(1), post: Self.title), ["a.mp4"])
        #expect(try await bench.run(request).posts == 1)
        #expect(bench.recorder.json.allSatisfy { $0["asset"] == nil || $0["asset"] == "a.mp4" })
        let digest = try await FileDigests(nil).sha256(of: bench.folder.appending(path: "a.mp4").path)
        #expect(try await bench.ledger.find(PostKey(account: "me", digest: digest, slot: "test"))?.state == .published)
        // It is not looked into again.
        let again = try await bench.run(request)
        #expect(again.status == 0 && again.posts == 0)
    }

    @Test func aRepostedSeriesIsPostedOnceMoreForItsRun() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let pipeline = try bench.pipeline(Self.stages(2))
        #expect(try await bench.run(bench.request(pipeline, ["a.mp4"])).posts == 2)
        var request = bench.request(pipeline, ["a.mp4"])
        request.reposts = true
        #expect(try await bench.run(request).posts == 2)
        #expect(try await bench.ledger.posts(limit: 9).count == 4)
    }

    // MARK: The same pictures are not posted twice

    private static let whole = #"{"uses": "look"}, {"uses": "cook"}, {"uses": "send"}"#

    /// How runs of one after the other end: status and posts.
    private func outcomes(_ stages: [String], reposts: Bool = false) async throws -> [[Int]] {
        let bench = try Bench()
        try bench.footage("a.mp4")
        var outcomes: [[Int]] = []
        for (index, stages) in stages.enumerated() {
            var request = bench.request(try bench.pipeline(stages), ["a.mp4"])
            request.fingerprint = "\(index)"
            request.reposts = reposts && index > 0
            let summary = try await bench.run(request)
            outcomes.append([Int(summary.status), summary.posts])
        }
        return outcomes
    }

    @Test func footageIsPostedInOneNumberOfPartsOnly() async throws {
        #expect(try await outcomes([Self.stages(3), Self.stages(2)]) == [[0, 3], [65, 0]])
        #expect(try await outcomes([Self.stages(3), Self.stages(1)]) == [[0, 3], [65, 0]])
        #expect(try await outcomes([Self.stages(3), Self.whole]) == [[0, 3], [65, 0]])
        #expect(try await outcomes([Self.whole, Self.stages(3)]) == [[0, 1], [0, 0]])
        #expect(try await outcomes([Self.stages(3), Self.stages(2)], reposts: true) == [[0, 3], [0, 2]])
    }

    @Test func noPartsBesideAWholePostThatIsOnItsWay() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let digest = try await FileDigests(nil).sha256(of: bench.folder.appending(path: "a.mp4").path)
        let key = PostKey(account: "me", digest: digest, slot: "test")
        let record = try await bench.ledger.reserve(key, asset: "a.mp4", runID: "r")
        let announcement = PostAnnouncement(
            fileDigest: "d", fileBytes: 1, chunkSize: 1, chunkCount: 1, title: nil, privacyLevel: nil, mode: .direct,
            username: nil)
        try await bench.ledger.apply(.sending(announcement), to: record.id)
        try await bench.ledger.apply(.accepted(publishID: "p", uploadURL: Secret("u")), to: record.id)
        let summary = try await bench.run(bench.request(try bench.pipeline(Self.stages(2)), ["a.mp4"]))
        #expect(summary.status == 65 && summary.posts == 0)
        let failed = bench.recorder.json.first { $0["event"] == "stage.failed" }
        #expect(
            failed?["message"]?.stringValue
                == "a.mp4 is already posted or in progress, but these options make 2 parts of it")
    }

    @Test func aSeriesOfEitherNumberIsKnownAfterBothWerePosted() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        func run(_ number: Int, reposts: Bool = false) async throws -> RunSummary {
            var request = bench.request(try bench.pipeline(Self.stages(number)), ["a.mp4"])
            request.fingerprint = "\(number)"
            request.reposts = reposts
            return try await bench.run(request)
        }
        #expect(try await run(2).posts == 2)
        #expect(try await run(3, reposts: true).posts == 3)
        for number in [2, 3] {
            let again = try await run(number)
            #expect(again.status == 0 && again.posts == 0)
        }
    }

    @Test func aRepostThatIsGoneOnWithKeepsItsNumberOfParts() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let send = UUID().uuidString
        let isDown = Mutex(false)
        Behaviours.shared.register(send) { (context) throws(StageError) in
            if isDown.withLock({ $0 }), !context.asset.hasSuffix("#1") { throw StageError(.unavailable, "down") }
        }
        func request(_ number: Int) throws -> RunRequest {
            bench.request(try bench.pipeline(Self.stages(number, send: send)), ["a.mp4"])
        }
        #expect(try await bench.run(request(3)).posts == 3)
        isDown.withLock { $0 = true }
        var again = try request(3)
        again.reposts = true
        #expect(try await bench.run(again).posts == 1)
        isDown.withLock { $0 = false }
        // The same command, whose file says something else by now: the same run.
        var other = try request(2)
        other.reposts = true
        #expect(try await bench.run(other).status == 65)
        #expect(try await bench.run(again).posts == 2)
    }

    @Test func twinsArePostedAsOneSeries() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4", "same")
        try bench.footage("b.mp4", "same")
        let request = bench.request(try bench.pipeline(Self.stages(2)), ["a.mp4", "b.mp4"])
        let summary = try await bench.run(request)
        #expect(summary.status == 0 && summary.posts == 2 && summary.assets == 2)
    }

    @Test func anotherRunPostsNoPartOfASeriesThatIsUnderWay() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let (send, diary) = (UUID().uuidString, Diary())
        let isHeld = Mutex(true)
        Behaviours.shared.register(send) { (context) throws(StageError) in
            diary.note(context.asset)
            while isHeld.withLock({ $0 }) { await Task.yield() }
        }
        let request = bench.request(try bench.pipeline(Self.stages(5, send: send)), ["a.mp4"])
        let first = Task { try await bench.run(request) }
        while diary.all.isEmpty { await Task.yield() }
        var other = bench.request(try bench.pipeline(Self.stages(5)), ["a.mp4"])
        other.fingerprint = "another"
        #expect(try await bench.run(other).status == 75)
        isHeld.withLock { $0 = false }
        #expect(try await first.value.posts == 5)
        #expect(diary.all == (1...5).map { "a.mp4#\($0)" })
    }

    @Test func plansEveryPartWithItsTitle() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let request = bench.request(try bench.pipeline(Self.stages(2), post: Self.title), ["a.mp4"])
        let planner = Planner(
            pipeline: request.pipeline, settings: [:], clock: .system, logger: bench.host().logger)
        let plan = await planner.plan(try #require(request.assets.first))
        #expect(plan.failure == nil)
        #expect(plan.steps.map(\.stage) == ["look", "slice"])
        #expect(plan.parts.map(\.asset) == ["a.mp4#1", "a.mp4#2"])
        #expect(plan.parts.first?.steps.map(\.stage) == ["cook"])
    }

    private func findings(_ stages: String) -> [String] {
        PipelineChecker(registry: testRegistry, environment: { _ in nil })
            .check(PipelineDocument(#"{"stages": [\#(stages)]}"#, file: "p.json")).findings.map(\.text)
    }

    @Test func titlesThatDoNotTellPartsApartAreWorthAWarning() throws {
        func findings(_ post: String, _ stages: String) -> [String] {
            PipelineChecker(registry: testRegistry, environment: { _ in nil })
                .check(PipelineDocument(#"{"post": \#(post), "stages": [\#(stages)]}"#, file: "p.json")).findings.map(
                    \.text)
        }
        #expect(
            findings(#"{"title": "Live"}"#, Self.stages()) == [
                "p.json:1:20: warning: all parts that `slice` makes get the same title (put {{ part }}/{{ parts }} into the title)"
            ])
        #expect(findings("{}", Self.stages()).count == 1)
        #expect(findings(Self.title, Self.stages()).isEmpty)
        #expect(findings(#"{"mode": "inbox"}"#, Self.stages()).isEmpty)
        #expect(findings("{}", Self.stages(last: "")).isEmpty)
    }

    @Test func interruptedItGoesOnWithThePartThatWasUnderWay() async throws {
        let bench = try Bench()
        try bench.footage("a.mp4")
        let (cook, send, diary) = (UUID().uuidString, UUID().uuidString, Diary())
        let isEndless = Mutex(true)
        Behaviours.shared.register(cook) { diary.note("cook \($0.asset)") }
        Behaviours.shared.register(send) { (context) throws(StageError) in
            diary.note("send \(context.asset)")
            while context.asset == "a.mp4#2", isEndless.withLock({ $0 }) {
                if Task.isCancelled { throw .cancelled }
                await Task.yield()
            }
        }
        let request = bench.request(
            try bench.pipeline(Self.stages(cook: cook, send: send), post: Self.title), ["a.mp4"])
        let first = Task { try await bench.run(request) }
        while !diary.all.contains("send a.mp4#2") || !diary.all.contains("cook a.mp4#3") { await Task.yield() }
        first.cancel()
        #expect(try await first.value.status == 130)
        #expect(!diary.all.contains("send a.mp4#3"))
        isEndless.withLock { $0 = false }
        let second = try await bench.run(request)
        #expect(second.status == 0 && second.posts == 2)
        #expect(diary.all.suffix(2) == ["send a.mp4#2", "send a.mp4#3"])
    }

    @Test func aListIsFollowedByWhatTakesItsElements() {
        #expect(findings(Self.stages(last: "")).isEmpty)
        #expect(
            findings(#"{"uses": "slice"}"#) == [
                "p.json:1:22: error: stage 1 `slice` takes a ProbedMedia, the pipeline starts with a SourceFile (put `look` before it)"
            ])
        #expect(
            findings(#"{"uses": "look"}, {"uses": "slice"}, {"uses": "look", "id": "again"}"#).first?.contains(
                "stage 3 `again` takes a SourceFile, stage 2 `slice` gives a ProbedMedia[]") == true)
    }

    @Test func aPipelineSplitsOnceAndBeforeItPosts() {
        #expect(
            findings(#"{"uses": "look"}, {"uses": "slice"}, {"uses": "slice", "id": "again"}"#) == [
                "p.json:1:59: error: stage 3 `again` would split again what stage 2 `slice` has split (keep one of the two)"
            ])
        #expect(
            findings(#"{"uses": "look"}, {"uses": "ring"}, {"uses": "slice"}"#) == [
                "p.json:1:40: error: stage 2 `ring` posts before stage 3 `slice` splits the footage (move `slice` before it)"
            ])
    }
}
