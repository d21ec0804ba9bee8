import ChunkPlugin
import Foundation
import Logging
import PipelineKit
import Posting
import PublishPlugin
import SpreaderTesting
import Testing
import UploadPlugin

/// What the stages say before anything is sent.
@Suite struct StageChecksTests {
    @Test func theMultipartDialectHasNoDraftsAndFetchesNothing() throws {
        var host = InMemoryHost(settings: ["TIKTOK_API": "multipart"])
        host.post.mode = .inbox
        var options = Upload.Options()
        options.source = .pull
        let findings = try Upload(options: options).check(host.checking)
        #expect(findings.map(\.code) == ["no-drafts", "no-pull"])
    }

    @Test func aPullNeedsAnAddressThatTikTokTakes() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        var options = Upload.Options()
        options.source = .pull
        let stage = try Upload(options: options)
        for (address, words) in [
            (nil, "has no public URL"), ("http://media.example.com/a.mp4", "is not an https URL"),
            ("https://u:hush@media.example.com/a.mp4?token=hush", "has a user"),
            ("https://media.example.com/a b.mp4", "is not a valid URL"),
        ] as [(String?, String)] {
            var served = video
            served.prepared.publicURL = address
            let input = try await chunked(served)
            let error = await failure { () throws(StageError) in
                try await stage.plan(input, InMemoryHost().context().planning)
            }
            #expect(error?.message.contains(words) == true, "\(String(describing: error))")
            #expect(error.map { !"\($0)".contains("hush") } == true)
        }
        var served = video
        served.prepared.publicURL = "https://media.example.com/a.mp4?token=hush"
        let plan = try await stage.plan(try await chunked(served), InMemoryHost().context().planning)
        #expect(plan.reasons.contains { $0.hasPrefix("fetched from https://media.example.com/a.mp4?") })
        #expect(!"\(plan)".contains("hush"))
    }

    let planning = PlanContext(
        post: PostSettings(), settings: [:], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })

    func video(bytes: Int64) -> PreparedVideo {
        let file = FileReference(path: "/nowhere/clip.mp4", bytes: bytes, sha256: "d")
        return PreparedVideo(
            file: file, source: SourceFile(file: file, displayPath: "clip.mp4"), strategy: .copy, width: 1080,
            height: 1920, duration: 3, frameRate: Rational(30, 1))
    }

    @Test func namesAreStable() {
        #expect(Chunk.name == "chunk")
        #expect(Upload.name == "upload")
        #expect(Publish.name == "publish")
        #expect(Upload.effect == .irreversible)
        #expect(Publish.effect == .resumable)
        #expect(Chunk.effect == .pure)
    }

    @Test func chunkKeepsWithinTikToksLimits() async throws {
        #expect(Chunk.Options.findings(in: ["size": "4MB"]).map(\.problem.code) == ["out-of-range"])
        #expect(Chunk.Options.findings(in: ["size": "65MB"]).map(\.problem.code) == ["out-of-range"])
        #expect(Chunk.Options.findings(in: ["size": "5MiB"]).isEmpty)
        let plan = try await Chunk(options: Chunk.Options()).plan(video(bytes: 50_000_123), planning)
        #expect(plan.details["chunkSize"] == 10_000_024)
        #expect((plan.output as? ChunkedVideo)?.chunkCount == 5)
    }

    @Test func chunkRefusesWhatTikTokDoesNotTake() async {
        await #expect(throws: StageError.self) {
            try await Chunk(options: Chunk.Options()).plan(video(bytes: 4_294_967_297), planning)
        }
    }

    @Test func chunkPlansEvenWhenTheSizeIsNotKnownYet() async throws {
        let plan = try await Chunk(options: Chunk.Options()).plan(video(bytes: 0), planning)
        #expect(plan.output == nil)
    }

    @Test func uploadFindsEverythingAtOnce() throws {
        var host = InMemoryHost(accessTokens: [], settings: ["TIKTOK_API_BASE_URL": "http://tiktok.example"])
        host.post.title = String(repeating: "x", count: 2201)
        host.post.brandContent = true
        let findings = try Upload(options: Upload.Options()).check(host.checking)
        #expect(
            Set(findings.map(\.code)) == ["title-too-long", "branded-private", "configuration", "no-credentials"])
        #expect(findings.first { $0.code == "configuration" }?.subject == .configuration)
    }

    @Test func uploadHasNothingToSayAboutAGoodPost() throws {
        #expect(try Upload(options: Upload.Options()).check(InMemoryHost().checking).isEmpty)
    }

    @Test func uploadPlansWithoutNetwork() async throws {
        let input = ChunkedVideo(video: video(bytes: 20_000_000), chunkSize: 10_000_000, chunkCount: 2)
        let plan = try await Upload(options: Upload.Options()).plan(input, planning)
        #expect(plan.action == "send 20 MB to TikTok")
        #expect(plan.details["privacyLevel"] == "SELF_ONLY")
        #expect(plan.output != nil)
    }

    @Test func aLoginWithoutThePermissionIsRefusedBeforeAnythingIsSent() async throws {
        let video = try await TestVideo(bytes: 100_000)
        defer { video.remove() }
        let host = InMemoryHost(settings: ["TIKTOK_API_BASE_URL": "http://127.0.0.1:1"])
        host.credentials.grant(["user.info.basic", "video.upload"])
        let error = await failure { () throws(StageError) in try await upload(video, host) }
        #expect(error?.outcome == .notAuthorised)
        #expect(error?.message.contains("video.publish") == true)
    }

    @Test func aBandwidthThatCannotMakeItWithinTheHourIsRefused() async throws {
        let input = ChunkedVideo(video: video(bytes: 1_000_000_000), chunkSize: 10_000_000, chunkCount: 100)
        var options = Upload.Options()
        options.bandwidth = BitRate(1_000_000)
        let stage = try Upload(options: options)
        let context = InMemoryHost().context()
        let error = await failure { () throws(StageError) in try await stage.run(input, context) }
        #expect(error?.code == .invalidOption)
    }

    @Test func aClosedLimitStopsBeforeTheInit() async throws {
        let video = try await TestVideo(bytes: 100_000)
        defer { video.remove() }
        var host = InMemoryHost(settings: ["TIKTOK_API_BASE_URL": "http://127.0.0.1:1"])
        host.post.mode = .inbox
        host.permits.close("uploads")
        let error = await failure { () throws(StageError) in try await upload(video, host) }
        #expect(error?.outcome == .tryLater)
        #expect(host.ledger.records.first?.state == .reserved)
    }
}
