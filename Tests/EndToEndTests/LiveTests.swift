import Foundation
import PipelineKit
import Testing

/// A test account at TikTok itself, from the environment.
private enum LiveAccount {
    private static let variables = ProcessInfo.processInfo.environment

    /// Key and access token. Without the refresh token: a renewal in a test would use it up for its owner.
    static let environment: [String: String] = variables.filter {
        ["TIKTOK_CLIENT_KEY", "TIKTOK_CLIENT_SECRET", "TIKTOK_ACCESS_TOKEN", "TIKTOK_API_BASE_URL"].contains($0.key)
    }

    /// Keys of sandboxes in TikTok's developer portal begin with `sb`: no test posts with a real app.
    static var isPresent: Bool {
        environment["TIKTOK_CLIENT_KEY"]?.hasPrefix("sb") == true && environment["TIKTOK_ACCESS_TOKEN"] != nil
    }
}

extension EndToEnd {
    /// The same program against TikTok's own sandbox.
    @Suite(
        .serialized,
        .enabled(
            if: LiveAccount.isPresent,
            "set TIKTOK_CLIENT_KEY (of a sandbox in TikTok's developer portal) and TIKTOK_ACCESS_TOKEN to run this"))
    struct LiveTests {
        @Test(arguments: ["direct", "inbox"]) func postsOnceAtTikTok(mode: String) async throws {
            let place = try Place()
            // Other content each time, since a file is posted once.
            try await place.clip(
                "a.mp4", seconds: 3, filter: "testsrc2=s=540x960:r=30",
                effect: ",noise=alls=20:all_seed=\(UInt32.random(in: 1...UInt32.max / 2))")
            let words = [
                "run", place.pipeline("tiktok"), "a.mp4", "--format", "json", "--post", "mode=\(mode)", "--post",
                "title=spreader-pipeline test",
            ]
            let run = try await Program.run(words, in: place, environment: LiveAccount.environment)
            #expect(run.status == 0, "\(run.messages)")
            let events = try run.events()
            let published = try #require(events.first { $0["event"] == "post.published" }, "\(run.messages)")
            #expect(published["publishId"]?.stringValue?.isEmpty == false)
            #expect(events.last?["posts"] == 1)
            let again = try await Program.run(words, in: place, environment: LiveAccount.environment)
            #expect(again.status == 0, "\(again.messages)")
            #expect(try again.events().last?["posts"] == 0)
        }
    }
}
