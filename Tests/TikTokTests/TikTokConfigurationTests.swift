import PipelineKit
import Testing

@testable import TikTok

@Suite struct TikTokConfigurationTests {
    @Test func defaultsToTikTok() throws {
        let configuration = try TikTokConfiguration(settings: ["TIKTOK_API_BASE_URL": ""])
        #expect(configuration.apiBaseURL == "https://open.tiktokapis.com")
        #expect(!configuration.isLoopback)
        #expect(configuration.pollSchedule == .standard)
        #expect(configuration.uploadsPerDay == 100)
    }

    @Test(arguments: [
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080", true), ("http://[::1]:9", "http://[::1]:9", true),
        ("https://open.tiktokapis.com", "https://open.tiktokapis.com", false),
        ("HTTPS://Proxy.Example.com:8443", "https://proxy.example.com:8443", false),
    ])
    func takesAddressesWithoutPath(text: String, base: String, isLoopback: Bool) throws {
        let configuration = try TikTokConfiguration(settings: ["TIKTOK_API_BASE_URL": text])
        #expect(configuration.apiBaseURL == base)
        #expect(configuration.isLoopback == isLoopback)
        #expect(configuration.pollSchedule == (isLoopback ? .brisk : .standard))
    }

    @Test(arguments: [
        "http://open.tiktokapis.com", "open.tiktokapis.com", "https://", "https://a.example/v2",
        "https://a.example?x=1",
        "https://u:p@a.example", "ftp://127.0.0.1", "http://127.0.0.1.evil.org",
    ])
    func refusesAddressesThatTokensMustNotGoTo(text: String) {
        #expect(throws: StageError.self) { try TikTokConfiguration(settings: ["TIKTOK_API_BASE_URL": text]) }
    }

    @Test func readsUploadsPerDayAndTheDialect() throws {
        #expect(try TikTokConfiguration(settings: ["TIKTOK_UPLOADS_PER_DAY": "7"]).uploadsPerDay == 7)
        #expect(throws: StageError.self) { try TikTokConfiguration(settings: ["TIKTOK_UPLOADS_PER_DAY": "0"]) }
        #expect(throws: StageError.self) { try TikTokConfiguration(settings: ["TIKTOK_API": "v3"]) }
        #expect(try TikTokConfiguration(settings: ["TIKTOK_API": "v2"]).dialect == .v2)
        #expect(try TikTokConfiguration(settings: ["TIKTOK_API": "multipart"]).dialect == .multipart)
    }

    @Test func sandboxUploadsDoNotCountAgainstTheRealDay() throws {
        let live = TikTokLimits(.live, account: "a")
        let local = TikTokLimits(
            try TikTokConfiguration(settings: ["TIKTOK_API_BASE_URL": "http://127.0.0.1:1"]), account: "a")
        #expect(live.uploads == RateLimit(name: "uploads", subject: "", permits: 100, window: .seconds(86_400)))
        #expect(local.uploads.subject != live.uploads.subject)
        #expect(live.postCreation == RateLimit(name: "init", subject: "a", permits: 6, window: .seconds(60)))
    }
}
