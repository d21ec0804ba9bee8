import Foundation
import Testing

@testable import TikTokSandbox

@Suite struct UploadTests {
    /// Opens an upload of two chunks.
    static func open(_ sandbox: SandboxHarness, _ file: Data) async throws -> (id: String, url: String, chunk: Int) {
        let chunk = file.count / 2
        let reply = try await sandbox.initialize(Int64(file.count), chunk: Int64(chunk), count: 2)
        let data = try #require(try reply.json["data"])
        return (try #require(data["publish_id"]?.stringValue), try #require(data["upload_url"]?.stringValue), chunk)
    }

    static let movie = TestMovie(payload: 11_000_000).data

    @Test func acceptsTikToksOfficialExampleChunkByChunk() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let total = 50_000_123
            let file = Data(count: total)
            let reply = try await sandbox.initialize(Int64(total), chunk: 10_000_000, count: 5)
            let url = try #require(try reply.json["data"]?["upload_url"]?.stringValue)
            var statuses: [Int] = []
            for first in stride(from: 0, through: 40_000_000, by: 10_000_000) {
                let end = first == 40_000_000 ? total : first + 10_000_000
                statuses.append(try await sandbox.put(url, file[first..<end], first: first, total: total).status)
            }
            #expect(statuses == [206, 206, 206, 206, 201])
        }
    }

    @Test func answersAWrongRangeWith416AndTheProgress() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let file = Self.movie
            let (_, url, chunk) = try await Self.open(sandbox, file)
            let early = try await sandbox.put(url, file.dropFirst(chunk), first: chunk, total: file.count)
            #expect(early.status == 416 && early.headers["content-range"] == "bytes */\(file.count)")
            #expect(try await sandbox.put(url, file.prefix(chunk), first: 0, total: file.count).status == 206)
            let again = try await sandbox.put(url, file.prefix(chunk), first: 0, total: file.count)
            #expect(again.status == 416 && again.headers["content-range"] == "bytes 0-\(chunk - 1)/\(file.count)")
            #expect(try await sandbox.put(url, file.dropFirst(chunk), first: chunk, total: file.count).status == 201)
            let replay = try await sandbox.put(url, file.dropFirst(chunk), first: chunk, total: file.count)
            #expect(replay.status == 416)
            #expect(replay.headers["content-range"] == "bytes 0-\(file.count - 1)/\(file.count)")
        }
    }

    @Test func reportsReceivedBytesAsACountIfConfigured() async throws {
        try await withSandbox(faults: #"{"settings": {"uploadedContentRangeStyle": "count"}}"#) {
            (sandbox: SandboxHarness) async throws in
            let (_, url, chunk) = try await Self.open(sandbox, Self.movie)
            let reply = try await sandbox.put(url, Self.movie.prefix(chunk), first: 0, total: Self.movie.count)
            #expect(reply.headers["content-range"] == "bytes 0-\(chunk)/\(Self.movie.count)")
        }
    }

    @Test func expiredUploadURLFailsThePost() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let (id, url, chunk) = try await Self.open(sandbox, Self.movie)
            sandbox.clock.advance(3599)
            #expect(
                try await sandbox.put(url, Self.movie.prefix(chunk), first: 0, total: Self.movie.count).status == 206)
            sandbox.clock.advance(1)
            let late = try await sandbox.put(url, Self.movie.dropFirst(chunk), first: chunk, total: Self.movie.count)
            #expect(late.status == 403)
            #expect(try await sandbox.status(id)["status"] == "FAILED")
            #expect(try await sandbox.send("GET", "/_sandbox/posts").json == [])
        }
    }

    @Test func rejectsUnknownUploadsAndWrongTokens() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let (_, url, chunk) = try await Self.open(sandbox, Self.movie)
            let piece = Self.movie.prefix(chunk)
            #expect(try await sandbox.put(url + "x", piece, first: 0, total: Self.movie.count).status == 403)
            let unknown = try await sandbox.put(
                "/upload/?upload_id=1&upload_token=2", piece, first: 0, total: Self.movie.count)
            #expect(unknown.status == 404)
        }
    }

    @Test func rejectsWrongHeaders() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let file = Self.movie
            let (_, url, chunk) = try await Self.open(sandbox, file)
            let piece = file.prefix(chunk)
            #expect(
                try await sandbox.put(url, piece, first: 0, total: file.count, type: "application/octet-stream").status
                    == 400)
            #expect(try await sandbox.put(url, piece, first: 0, total: file.count + 1).status == 400)
            #expect(try await sandbox.put(url, piece.dropLast(), first: 0, total: file.count).status == 400)
            let unranged = try await sandbox.send("PUT", url, headers: [("Content-Type", "video/mp4")], body: piece)
            #expect(unranged.status == 400)
            let tooShort = try await sandbox.send(
                "PUT", url,
                headers: [("Content-Type", "video/mp4"), ("Content-Range", "bytes 0-\(chunk)/\(file.count)")],
                body: piece)
            #expect(tooShort.status == 400)
            #expect(try await sandbox.put(url, piece, first: 0, total: file.count).status == 206)
        }
    }

    @Test(arguments: [
        "", "bytes 0-1", "bytes 1-0/5", "bytes 0-5/5", "bytes -1-2/5", "items 0-1/5", "bytes 0-1/5 ", "bytes 0-1/*",
    ])
    func rejectsMalformedContentRanges(header: String) {
        #expect(UploadRange(header) == nil)
    }

    @Test func connectionDroppedMidBodyIsLoggedAndCommitsNothing() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let file = Self.movie
            let (id, url, chunk) = try await Self.open(sandbox, file)
            try await sandbox.setFaults(
                #"[{"match": {"path": "/upload/"}, "action": {"drop": {"afterBytes": 300000}}}]"#)
            await #expect(throws: (any Error).self) {
                try await sandbox.put(url, file.prefix(chunk), first: 0, total: file.count)
            }
            #expect(try await sandbox.status(id)["uploaded_bytes"] == 0)
            let entry = try #require(try await sandbox.log().last { $0["path"] == "/upload/" })
            #expect(
                entry["status"] == 499 && entry["publishId"]?.stringValue == id && entry["fault"] == "drop-mid-body")
            #expect(try await sandbox.put(url, file.prefix(chunk), first: 0, total: file.count).status == 206)
        }
    }

    @Test func logsClientsThatDisconnectMidBody() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let file = Self.movie
            let (id, url, chunk) = try await Self.open(sandbox, file)
            try await sandbox.disconnectDuringUpload(to: url, announced: chunk, sent: 400_000, total: file.count)
            try await waitUntil {
                try await sandbox.log().contains { $0["status"] == 499 && $0["publishId"]?.stringValue == id }
            }
            #expect(try await sandbox.status(id)["uploaded_bytes"] == 0)
            #expect(try await sandbox.put(url, file.prefix(chunk), first: 0, total: file.count).status == 206)
        }
    }
}
