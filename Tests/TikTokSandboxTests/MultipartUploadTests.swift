import Foundation
import Testing

@testable import TikTokSandbox

/// The multipart dialect of the sandbox.
@Suite struct MultipartUploadTests {
    private let partSize = 5_000_000

    private func openUpload(in sandbox: SandboxHarness, body: SandboxJSON) async throws -> Reply {
        try await sandbox.call("/video/upload/init/", body)
    }

    private func beginUpload(in sandbox: SandboxHarness, size: Int) async throws -> String {
        let reply = try await openUpload(
            in: sandbox, body: ["video_size": .integer(Int64(size)), "chunk_size": .integer(Int64(partSize))])
        return try #require(try reply.json["data"]?["upload_id"]?.stringValue, "\(reply.text)")
    }

    private func sendPart(
        _ number: Int, of id: String, to sandbox: SandboxHarness, _ bytes: Data,
        type: String = "application/octet-stream"
    ) async throws -> Reply {
        try await sandbox.send(
            "POST", "/video/upload/part/?upload_id=\(id)&part_number=\(number)",
            headers: [("Authorization", "Bearer \(sandbox.endpoint.accessToken)"), ("Content-Type", type)], body: bytes)
    }

    private func publish(in sandbox: SandboxHarness, video: String) async throws -> Reply {
        try await sandbox.call(
            "/post/publish/direct/",
            ["video_id": .string(video), "post_info": ["title": "In parts", "privacy_level": "SELF_ONLY"]])
    }

    @Test func postsAVideoUploadedInPartsOfAnyOrder() async throws {
        try await withSandbox { (sandbox: SandboxHarness) in
            let movie = TestMovie(payload: 11_000_000).data
            let id = try await beginUpload(in: sandbox, size: movie.count)
            let pieces = [
                movie.prefix(partSize), movie.dropFirst(partSize).prefix(partSize), movie.dropFirst(2 * partSize),
            ]
            // Sending a part again replaces it.
            #expect(try await sendPart(1, of: id, to: sandbox, Data(count: partSize)).status == 200)
            for number in [3, 1, 2] {
                let reply = try await sendPart(number, of: id, to: sandbox, Data(pieces[number - 1]))
                #expect(try reply.json["data"]?["received_bytes"] == .integer(Int64(pieces[number - 1].count)))
            }
            let complete = try await sandbox.call("/video/upload/complete/", ["upload_id": .string(id)])
            let video = try #require(try complete.json["data"]?["video_id"]?.stringValue, "\(complete.text)")
            // Completing the upload again returns the same video.
            let again = try await sandbox.call("/video/upload/complete/", ["upload_id": .string(id)])
            #expect(try again.json["data"]?["video_id"]?.stringValue == video)
            let posted = try await publish(in: sandbox, video: video)
            let publishID = try #require(try posted.json["data"]?["publish_id"]?.stringValue, "\(posted.text)")
            let post = try await sandbox.finished(publishID)
            #expect(post["sha256"]?.stringValue == sha256(movie))
            #expect(post["title"]?.stringValue == "In parts")
            #expect(try await sandbox.status(publishID)["status"]?.stringValue == "PUBLISH_COMPLETE")
        }
    }

    @Test func acceptsAPartAsTheFileOfAForm() async throws {
        try await withSandbox { (sandbox: SandboxHarness) in
            let movie = TestMovie().data
            let reply = try await openUpload(in: sandbox, body: ["video_size": .integer(Int64(movie.count))])
            let id = try #require(try reply.json["data"]?["upload_id"]?.stringValue)
            var form = Data("--XX\r\nContent-Disposition: form-data; name=\"video\"; filename=\"a.mp4\"\r\n".utf8)
            form += Data("Content-Type: video/mp4\r\n\r\n".utf8) + movie + Data("\r\n--XX--\r\n".utf8)
            let answer = try await sendPart(1, of: id, to: sandbox, form, type: "multipart/form-data; boundary=XX")
            #expect(try answer.json["data"]?["received_bytes"] == .integer(Int64(movie.count)), "\(answer.text)")
            let complete = try await sandbox.call("/video/upload/complete/", ["upload_id": .string(id)])
            let video = try #require(try complete.json["data"]?["video_id"]?.stringValue)
            let posted = try await publish(in: sandbox, video: video)
            let publishID = try #require(try posted.json["data"]?["publish_id"]?.stringValue)
            #expect(try await sandbox.finished(publishID)["sha256"]?.stringValue == sha256(movie))
        }
    }

    @Test func rejectsMissingPartsAndWrongSizes() async throws {
        try await withSandbox { (sandbox: SandboxHarness) in
            let id = try await beginUpload(in: sandbox, size: 12_000_000)
            #expect(try await sendPart(1, of: id, to: sandbox, Data(count: 4_000_000)).code == "invalid_params")
            #expect(try await sendPart(4, of: id, to: sandbox, Data(count: 1)).code == "invalid_params")
            #expect(try await sendPart(1, of: id, to: sandbox, Data(count: partSize)).status == 200)
            let complete = try await sandbox.call("/video/upload/complete/", ["upload_id": .string(id)])
            #expect(complete.status == 400)
            #expect(complete.code == "invalid_params")
            #expect(try await sendPart(1, of: "unknown", to: sandbox, Data(count: 1)).code == "invalid_params")
        }
    }

    @Test(
        arguments: [
            ["video_size": .integer(1_000_000_001)],
            ["video_size": .integer(12_000_000), "chunk_size": .integer(4_000_000)],
            ["video_size": .integer(200_000_000), "chunk_size": .integer(64_000_001)],
            [
                "video_size": .integer(12_000_000), "chunk_size": .integer(5_000_000),
                "total_chunk_count": .integer(4),
            ],
        ] as [SandboxJSON])
    func rejectsUploadsOutsideTheLimits(body: SandboxJSON) async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            #expect(try await openUpload(in: sandbox, body: body).code == "invalid_params")
        }
    }

    @Test func limitsUploadsPerDay() async throws {
        try await withSandbox(faults: #"{"settings": {"multipartUploadsPerDay": 2}}"#) { (sandbox: SandboxHarness) in
            for _ in 0..<2 { _ = try await beginUpload(in: sandbox, size: 12_000_000) }
            let refused = try await openUpload(in: sandbox, body: ["video_size": .integer(1)])
            #expect(refused.status == 429)
            #expect(refused.code == "rate_limit_exceeded")
            sandbox.clock.advance(86_401)
            let token = try await sandbox.form(
                "/oauth/access_token",
                [
                    "client_key": sandbox.endpoint.clientKey, "client_secret": sandbox.endpoint.clientSecret,
                    "grant_type": "refresh_token", "refresh_token": sandbox.endpoint.refreshToken,
                ]
            ).json["access_token"]?.stringValue
            let reply = try await sandbox.call("/video/upload/init/", ["video_size": .integer(1)], token: token)
            #expect(reply.status == 200)
        }
    }

    @Test func failsVideosOverTheDurationLimit() async throws {
        try await withSandbox(faults: #"{"settings": {"multipartMaxSeconds": 1}}"#) { (sandbox: SandboxHarness) in
            let movie = TestMovie().data
            let reply = try await openUpload(in: sandbox, body: ["video_size": .integer(Int64(movie.count))])
            let id = try #require(try reply.json["data"]?["upload_id"]?.stringValue)
            _ = try await sendPart(1, of: id, to: sandbox, movie)
            let complete = try await sandbox.call("/video/upload/complete/", ["upload_id": .string(id)])
            let posted = try await publish(
                in: sandbox, video: try #require(try complete.json["data"]?["video_id"]?.stringValue))
            let publishID = try #require(try posted.json["data"]?["publish_id"]?.stringValue)
            _ = try await sandbox.finished(publishID)
            #expect(try await sandbox.status(publishID)["fail_reason"]?.stringValue == "duration_check_failed")
        }
    }

    @Test func uploadsSurviveARestart() async throws {
        try await withFolder { folder in
            let movie = TestMovie(payload: 6_000_000).data
            let clock = TestClock()
            let (id, port) = try await withSandbox(in: folder, clock: clock) { sandbox in
                let id = try await beginUpload(in: sandbox, size: movie.count)
                _ = try await sendPart(1, of: id, to: sandbox, movie.prefix(partSize))
                return (id, URL(string: sandbox.endpoint.baseURL)?.port)
            }
            try await withSandbox(in: folder, clock: clock, port: port) { sandbox in
                _ = try await sendPart(2, of: id, to: sandbox, movie.dropFirst(partSize))
                let complete = try await sandbox.call("/video/upload/complete/", ["upload_id": .string(id)])
                #expect(complete.status == 200, "\(complete.text)")
            }
        }
    }
}
