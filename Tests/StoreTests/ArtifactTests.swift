import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import PipelineKit
import Testing

@testable import Store

/// A bucket that checks every signature by itself.
private final class Bucket: Sendable {
    private let process = Process()
    private let life = Pipe()
    let port: Int

    init() throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Support/s3server.py")
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", script.path]
        process.standardInput = life
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        guard let port = Int(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw StageError(.internalFault, "the bucket did not start: \"\(line)\"")
        }
        self.port = port
    }

    deinit { process.terminate() }

    func store(_ changes: [String: String] = [:], clock: HostClock = .system) throws -> S3Artifacts {
        let settings = [
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG",
            "AWS_REGION": "eu-test-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:\(port)",
        ].merging(changes) { $1 }
        return try S3Artifacts(
            address: "s3://media/some folder", setting: { settings[$0] },
            clock: HostClock(now: clock.now, sleep: { _ in }), partSize: 1000)
    }

    @discardableResult
    func tell(_ path: String, _ value: Int? = nil) async throws -> String {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/\(path)")
        if let value {
            request.method = .PUT
            request.body = .bytes(Data("\(value)".utf8))
        }
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        return String(buffer: try await answer.body.collect(upTo: 1 << 20))
    }

    func log() async throws -> [String] { try JSONDecoder().decode([String].self, from: Data(await tell("_log").utf8)) }
}

@Suite struct ArtifactTests {
    private func file(_ bytes: Int, in database: TestDatabase) async throws -> (FileReference, String) {
        let path = database.folder.appending(path: "f\(bytes)").path
        try Data((0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }).write(to: URL(filePath: path))
        let digest = try await FileDigests(nil).sha256(of: path)
        return (FileReference(path: path, bytes: Int64(bytes)), digest)
    }

    private func content(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

    @Test func aFolderGivesOutWhatWasPutThere() async throws {
        let database = try await TestDatabase()
        let store = FolderArtifacts(folder: database.folder.appending(path: "shared/artifacts"))
        let (file, digest) = try await file(5000, in: database)
        let target = database.folder.appending(path: "other/machine/f").path
        #expect(try await !store.fetch(digest, to: target))
        #expect(!FileManager.default.fileExists(atPath: target))
        try await store.put(file, digest: digest)
        try await store.put(file, digest: digest)
        #expect(try await store.holds(digest))
        #expect(try await store.fetch(digest, to: target))
        #expect(try content(target) == content(file.path))
        // Content that was damaged there is not given out, and what is in its place stays.
        let kept = database.folder.appending(path: "shared/artifacts/\(digest.prefix(2))/\(digest)")
        try Data("damaged".utf8).write(to: kept)
        let error = await #expect(throws: StageError.self) { try await store.fetch(digest, to: target) }
        #expect(error?.message.contains("match its digest") == true)
        #expect(try content(target) == content(file.path))
        #expect(store.prune(olderThan: .seconds(3600), now: .now, keeping: []) == 0)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -7200)], ofItemAtPath: kept.path)
        #expect(store.prune(olderThan: .seconds(3600), now: .now, keeping: [digest]) == 0)
        #expect(store.prune(olderThan: .seconds(3600), now: .now, keeping: []) == 1)
        #expect(try await !store.holds(digest))
    }

    // "Examples of signature calculations", Amazon S3 API reference: GET of an object by range.
    @Test func signsAsTheReferenceDoes() {
        let signature = AWSSignature(
            credentials: AWSCredentials(
                accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")),
            region: "us-east-1")
        let moment = Date(timeIntervalSince1970: 1_369_353_600)
        let empty = ContentDigest.sha256("")
        let get = signature.headers(
            "GET", path: "/test.txt", query: [],
            headers: ["host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9"], payload: empty, at: moment)
        #expect(
            get["authorization"]?.hasSuffix(
                "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41") == true)
        let list = signature.headers(
            "GET", path: "/", query: [("prefix", "J"), ("max-keys", "2")],
            headers: ["host": "examplebucket.s3.amazonaws.com"], payload: empty, at: moment)
        #expect(
            list["authorization"]?.hasSuffix(
                "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7") == true)
    }

    @Test(arguments: [0, 999, 1000, 3500]) func aBucketGivesOutWhatWasPutThere(bytes: Int) async throws {
        let (database, bucket) = (try await TestDatabase(), try Bucket())
        let store = try bucket.store()
        let (file, digest) = try await file(bytes, in: database)
        let target = database.folder.appending(path: "copy").path
        #expect(try await !store.fetch(digest, to: target))
        try await store.put(file, digest: digest)
        try await store.put(file, digest: digest)
        let log = try await bucket.log()
        // Large files go up in parts, and nothing goes up twice.
        #expect(log.filter { $0.hasPrefix("PUT") }.count == (bytes > 1000 ? 4 : 1), "\(log)")
        #expect(try await store.holds(digest))
        #expect(try await store.fetch(digest, to: target))
        #expect(try content(target) == content(file.path))
        withExtendedLifetime(bucket) {}
    }

    @Test func aBucketThatStumblesIsAskedAgain() async throws {
        let (database, bucket) = (try await TestDatabase(), try Bucket())
        let store = try bucket.store()
        let (file, digest) = try await file(3500, in: database)
        let target = database.folder.appending(path: "copy").path
        try await bucket.tell("_fail", 3)
        try await store.put(file, digest: digest)
        try await bucket.tell("_cut", 2)
        #expect(try await store.fetch(digest, to: target))
        #expect(try content(target) == content(file.path))
        try await bucket.tell("_fail", 99)
        let away = await #expect(throws: StageError.self) { try await store.holds(digest) }
        #expect(away?.outcome == .unavailable && away?.message.contains("503") == true)
        try await bucket.tell("_fail", 0)
        try await bucket.tell("_spoil", 0)
        await #expect(throws: StageError.self) { try await store.fetch(digest, to: target) }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: database.folder.path).allSatisfy {
                !$0.hasSuffix(".part")
            }
        )
    }

    @Test func wrongKeysAreToldWithoutShowingThem() async throws {
        let bucket = try Bucket()
        let store = try bucket.store(["AWS_SECRET_ACCESS_KEY": "hush-hush"])
        // HEAD is answered without words.
        let error = await #expect(throws: StageError.self) { try await store.holds("abc") }
        #expect(error?.outcome == .configuration)
        #expect(error?.description.contains("s3://media/some folder/ denied access") == true)
        #expect(error?.description.contains("hush") == false)
        let missing = #expect(throws: StageError.self) { try bucket.store(["AWS_ENDPOINT_URL": "nonsense"]) }
        #expect(missing?.message.contains("AWS_ENDPOINT_URL") == true)
        let none = #expect(throws: StageError.self) {
            try S3Artifacts(address: "s3://media", setting: { _ in nil }, clock: .system)
        }
        #expect(none?.hint?.contains("AWS_ACCESS_KEY_ID") == true)
    }
}
