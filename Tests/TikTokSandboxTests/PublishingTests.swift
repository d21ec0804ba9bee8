import Foundation
import Testing

@testable import TikTokSandbox

@Suite struct PublishingTests {
    @Test func publishesAVideoUploadedInTwoChunks() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            var movie = TestMovie()
            movie.payload = 12_000_000
            let file = movie.data
            let chunk = file.count / 2
            let opened = try await sandbox.initialize(
                Int64(file.count), chunk: Int64(chunk), count: 2, title: "Hej 👋 <b>")
            let data = try #require(try opened.json["data"])
            let id = try #require(data["publish_id"]?.stringValue)
            let url = try #require(data["upload_url"]?.stringValue)
            #expect(id.hasPrefix("v_pub_file~v2-1.") && id.count == "v_pub_file~v2-1.".count + 19)
            #expect(url.hasPrefix(sandbox.endpoint.baseURL + "/upload/?upload_id=") && url.utf8.count <= 256)
            #expect(opened.headers["x-tt-logid"]?.count == 34)

            let first = try await sandbox.put(url, file.prefix(chunk), first: 0, total: file.count)
            #expect(first.status == 206)
            #expect(first.headers["content-range"] == "bytes 0-\(chunk - 1)/\(file.count)")
            let halfway = try await sandbox.status(id)
            #expect(halfway["status"] == "PROCESSING_UPLOAD" && halfway["uploaded_bytes"] == .integer(Int64(chunk)))
            #expect(try await sandbox.send("GET", "/_sandbox/posts").json == [])

            let last = try await sandbox.put(url, file.dropFirst(chunk), first: chunk, total: file.count)
            #expect(last.status == 201)
            let post = try await sandbox.finished(id)
            #expect(
                post["status"] == "PUBLISH_COMPLETE" && post["mode"] == "direct" && post["privacyLevel"] == "SELF_ONLY")
            #expect(
                post["title"] == "Hej 👋 <b>" && post["bytes"] == .integer(Int64(file.count)) && post["postId"] == nil)
            #expect(post["sha256"]?.stringValue == sha256(file))
            #expect(try await sandbox.status(id)["publicaly_available_post_id"] == nil)
        }
    }

    @Test func reportsWhyAPostFailed() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let id = try await sandbox.post(TestMovie(width: 320, height: 320).data)
            let post = try await sandbox.finished(id)
            #expect(post["status"] == "FAILED" && post["failReason"] == "picture_size_check_failed")
            #expect(try await sandbox.status(id)["fail_reason"] == "picture_size_check_failed")
        }
    }

    @Test func reportsThePublicPostIDAfterModeration() async throws {
        try await withSandbox(faults: #"{"settings": {"accountPrivacy": "public", "moderationSeconds": 60}}"#) {
            (sandbox: SandboxHarness) async throws in
            let id = try await sandbox.post(TestMovie().data, privacy: "PUBLIC_TO_EVERYONE")
            #expect(try await sandbox.finished(id)["postId"] == nil)
            #expect(try await sandbox.status(id)["publicaly_available_post_id"] == nil)
            sandbox.clock.advance(60)
            let number = try #require(
                try await sandbox.status(id)["publicaly_available_post_id"]?.arrayValue?.first?.integerValue)
            #expect(String(number).count == 19)
            #expect(try await sandbox.finished(id)["postId"]?.stringValue == String(number))
        }
    }

    @Test func processesForTheConfiguredTime() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let id = try await sandbox.post(TestMovie().data)
            sandbox.clock.advance(1.4)
            try await Task.sleep(for: .milliseconds(100))
            #expect(try await sandbox.status(id)["status"] == "PROCESSING_UPLOAD")
            sandbox.clock.advance(0.2)
            #expect(try await sandbox.status(id)["status"] == "PUBLISH_COMPLETE")
        }
    }
}
