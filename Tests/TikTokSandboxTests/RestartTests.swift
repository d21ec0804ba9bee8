import Foundation
import Testing

@testable import TikTokSandbox

@Suite struct RestartTests {
    @Test func postsTokensAndUploadsSurviveARestart() async throws {
        try await withFolder { folder in
            let clock = TestClock()
            let file = UploadTests.movie
            let (first, done, id, url, chunk) = try await withSandbox(in: folder, clock: clock) {
                (sandbox: SandboxHarness) async throws in
                let done = try await sandbox.post(TestMovie().data, title: "stays")
                _ = try await sandbox.finished(done)
                let (id, url, chunk) = try await UploadTests.open(sandbox, file)
                #expect(try await sandbox.put(url, file.prefix(chunk), first: 0, total: file.count).status == 206)
                return (sandbox.endpoint, done, id, url, chunk)
            }
            try await withSandbox(in: folder, clock: clock) { (sandbox: SandboxHarness) async throws in
                #expect(sandbox.endpoint.baseURL == first.baseURL)
                #expect(sandbox.endpoint.accessToken == first.accessToken)
                #expect(sandbox.endpoint.clientSecret == first.clientSecret)
                let posts = try await sandbox.send("GET", "/_sandbox/posts").json.arrayValue ?? []
                #expect(posts.count == 1 && posts[0]["publishId"]?.stringValue == done && posts[0]["title"] == "stays")
                #expect(try await sandbox.status(id)["uploaded_bytes"] == .integer(Int64(chunk)))
                #expect(
                    try await sandbox.put(url, file.dropFirst(chunk), first: chunk, total: file.count).status == 201)
                #expect(try await sandbox.finished(id)["sha256"]?.stringValue == sha256(file))
                #expect(try await sandbox.log().count { $0["path"] == "/v2/post/publish/video/init/" } == 2)
            }
        }
    }

    @Test func clockEndpointExpiresUploadURLs() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let file = UploadTests.movie
            let (id, url, chunk) = try await UploadTests.open(sandbox, file)
            let moved = try await sandbox.send("POST", "/_sandbox/clock", body: Data(#"{"advance": 3601}"#.utf8))
            let ahead = try moved.json["ahead"]
            #expect(moved.status == 200 && ahead == 3601)
            // Upload URLs expire after an hour.
            #expect(try await sandbox.put(url, file.prefix(chunk), first: 0, total: file.count).status == 403)
            #expect(try await sandbox.status(id)["status"] == "FAILED")
            let wrong = try await sandbox.send("POST", "/_sandbox/clock", body: Data(#"{"advance": -1}"#.utf8))
            #expect(wrong.status == 400)
        }
    }

    @Test func removesAPartialLastLine() async throws {
        try await withFolder { folder in
            let id = try await withSandbox(in: folder) { try await $0.post(TestMovie().data) }
            for name in ["journal.jsonl", "log.jsonl"] {
                let file = folder.appendingPathComponent(name)
                try (try Data(contentsOf: file) + Data(#"{"chunkCommitted":{"publ"#.utf8)).write(to: file)
            }
            try await withSandbox(in: folder) { (sandbox: SandboxHarness) async throws in
                #expect(try await sandbox.finished(id)["status"] == "PUBLISH_COMPLETE")
                #expect(try await sandbox.log().isEmpty == false)
            }
        }
    }

    @Test func inspectsUploadsThatWereNotInspectedBeforeTheRestart() async throws {
        try await withFolder { folder in
            let file = TestMovie().data
            let id = try await withSandbox(in: folder) { (sandbox: SandboxHarness) async throws in
                let id = try await sandbox.post(file)
                _ = try await sandbox.finished(id)
                return id
            }
            // The state of a process that died between the last byte and the inspection.
            let journal = folder.appendingPathComponent("journal.jsonl")
            let lines = try String(contentsOf: journal, encoding: .utf8).split(separator: "\n").filter {
                !$0.contains("inspected")
            }
            try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: journal)
            try await withSandbox(in: folder) { (sandbox: SandboxHarness) async throws in
                #expect(try await sandbox.finished(id)["sha256"]?.stringValue == sha256(file))
            }
        }
    }

    @Test func reportsTheDamagedLineOfTheJournal() async throws {
        try await withFolder { folder in
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data("nonsense\n".utf8).write(to: folder.appendingPathComponent("journal.jsonl"))
            let error = await #expect(throws: SandboxError.self) { try await withSandbox(in: folder) { _ in } }
            #expect(error?.code == .damagedJournal && error?.message.contains("journal.jsonl:1") == true)
        }
    }

    @Test func renewsAnExpiredAccessTokenAtStart() async throws {
        try await withFolder { folder in
            let clock = TestClock()
            let old = try await withSandbox(in: folder, clock: clock) { $0.endpoint.accessToken }
            clock.advance(86_400)
            try await withSandbox(in: folder, clock: clock) { (sandbox: SandboxHarness) async throws in
                #expect(sandbox.endpoint.accessToken != old)
                #expect(
                    try await sandbox.call("/v2/post/publish/creator_info/query/", token: old).code
                        == "access_token_invalid")
                #expect(try await sandbox.call("/v2/post/publish/creator_info/query/").code == "ok")
            }
        }
    }

    @Test func rejectsASecondSandboxOnTheSameFolder() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let error = await #expect(throws: SandboxError.self) { try await withSandbox(in: sandbox.folder) { _ in } }
            #expect(error?.code == .inUse)
        }
    }

    @Test func failsOnATakenPortUnlessItIsTheRememberedOne() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let port = try #require(Int(sandbox.endpoint.baseURL.split(separator: ":").last ?? ""))
            let error = await #expect(throws: SandboxError.self) { try await withSandbox(port: port) { _ in } }
            #expect(error?.code == .portInUse)
            try await withFolder { folder in
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
                try Data("\(port)\n".utf8).write(to: folder.appendingPathComponent("port"))
                let other = try await withSandbox(in: folder) { $0.endpoint.baseURL }
                #expect(other != sandbox.endpoint.baseURL)
            }
        }
    }

    @Test func environmentFileContainsEveryVariable() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let file = sandbox.folder.appendingPathComponent("sandbox.env")
            let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
            #expect(lines == sandbox.endpoint.environment.map { "\($0.name)=\($0.value)" })
            #expect(
                sandbox.endpoint.environment.map(\.name) == [
                    "TIKTOK_API_BASE_URL", "TIKTOK_AUTHORIZE_URL", "TIKTOK_CLIENT_KEY", "TIKTOK_CLIENT_SECRET",
                    "TIKTOK_ACCESS_TOKEN", "TIKTOK_REFRESH_TOKEN",
                ])
            for (path, mode) in [(file.path, 0o600), (sandbox.folder.path, 0o700)] {
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == mode)
            }
        }
    }

    @Test func everyFolderHasItsOwnApp() async throws {
        let first = try await withSandbox { $0.endpoint }
        let second = try await withSandbox { $0.endpoint }
        #expect(first.clientKey != second.clientKey && first.accessToken != second.accessToken)
    }
}
