import Foundation
import Testing

@testable import TikTokSandbox

@Suite struct RequestLogTests {
    @Test func logsRequestsWithoutSecrets() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let file = TestMovie().data
            let id = try await sandbox.post(file, title: "SECRET TITLE")
            _ = try await sandbox.status(id)
            _ = try await sandbox.refreshedAccessToken()
            let uploads = try await sandbox.log().filter { $0["path"] == "/upload/" }
            #expect(uploads.count == 1)
            #expect(uploads.first?["method"] == "PUT" && uploads.first?["status"] == 201)
            #expect(uploads.first?["range"]?.stringValue == "bytes 0-\(file.count - 1)/\(file.count)")
            #expect(uploads.first?["publishId"]?.stringValue == id)
            let entries = try await sandbox.log()
            #expect(
                entries.map { $0["path"]?.stringValue } == [
                    "/v2/post/publish/video/init/", "/upload/", "/v2/post/publish/status/fetch/", "/v2/oauth/token/",
                ])
            #expect(entries[0]["publishId"]?.stringValue == id && entries[2]["publishId"]?.stringValue == id)
            #expect(entries.allSatisfy { $0["time"]?.stringValue?.hasSuffix("Z") == true })
            let text = try await sandbox.send("GET", "/_sandbox/log").text
            for secret in ["act.", "rft.", "upload_token", sandbox.endpoint.clientSecret, "SECRET TITLE"] {
                #expect(!text.contains(secret))
            }
        }
    }
}
