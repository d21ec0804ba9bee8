import Foundation
import PipelineKit
import Testing

@testable import Store

@Suite struct OutputCacheTests {
    /// A cache in a folder that is removed with this object.
    private final class CacheFolder: Sendable {
        let url = FileManager.default.temporaryDirectory.appending(path: "cache-\(UUID().uuidString)")
        var cache: OutputCache { OutputCache(folder: url.appending(path: "cache"), digests: FileDigests(nil)) }

        init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

        deinit { try? FileManager.default.removeItem(at: url) }

        /// The path of a cached file.
        func content(_ digest: String) -> String {
            url.appending(path: "cache/files/\(digest.prefix(2))/\(digest)").path
        }

        func hasContent(_ digest: String) -> Bool { FileManager.default.fileExists(atPath: content(digest)) }

        /// Caches an output with one file of this text.
        /// - Returns: The digest of the file.
        func put(_ text: String, key: String) async throws -> String {
            let path = url.appending(path: "\(key).out").path
            try Data(text.utf8).write(to: URL(filePath: path))
            let digest = ContentDigest.sha256(text)
            let output = CachedOutput(
                key: key, parts: ["version": 1],
                origin: CachedOutput.Origin(
                    stage: "transcode", asset: "a.mp4", path: "/in/a.mp4", folder: url.path, run: "run-1",
                    madeAt: Date(timeIntervalSince1970: 100), seconds: 1.5),
                artifact: ["path": .string(path)],
                files: [FileReference(path: path, bytes: Int64(text.utf8.count), sha256: digest)])
            #expect(try await cache.put(output))
            return digest
        }

        /// Stores a file whose entry another process has yet to write.
        func storeWithoutEntry(_ text: String) throws -> String {
            let digest = ContentDigest.sha256(text)
            let target = URL(filePath: content(digest))
            try FileManager.default.createDirectory(
                at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: target)
            return digest
        }
    }

    @Test func findsAnEntryWithEverythingThatWasPut() async throws {
        let folder = try CacheFolder()
        let digest = try await folder.put("content", key: "k1")
        let found = try #require(await folder.cache.find("k1"))
        #expect(found.origin.stage == "transcode" && found.origin.asset == "a.mp4" && found.origin.run == "run-1")
        #expect(found.origin.path == "/in/a.mp4" && found.origin.folder == folder.url.path)
        #expect(found.origin.madeAt == Date(timeIntervalSince1970: 100) && found.origin.seconds == 1.5)
        #expect(found.files.map(\.sha256) == [digest] && found.parts == ["version": 1])
        #expect(await folder.cache.holds(try #require(found.files.first)))
    }

    // The format of earlier versions, which have caches on disk.
    @Test func anEntryIsOneFlatObject() async throws {
        let folder = try CacheFolder()
        _ = try await folder.put("content", key: "k1")
        let data = try Data(contentsOf: folder.url.appending(path: "cache/entries/k1.json"))
        guard case .object(let object) = try JSONDecoder().decode(JSONValue.self, from: data) else {
            Issue.record("the entry is not an object")
            return
        }
        #expect(
            Set(object.keys) == [
                "key", "parts", "stage", "asset", "path", "folder", "run", "madeAt", "seconds", "artifact", "files",
            ])
    }

    @Test func pruningEverythingKeepsFilesThatAreStillBeingStored() async throws {
        let folder = try CacheFolder()
        let removed = try await folder.put("of an entry", key: "k1")
        let recent = try folder.storeWithoutEntry("not yet of an entry")
        let pruned = await folder.cache.prune(unusedSince: .distantFuture, limit: nil)
        #expect(pruned.entries == 1 && pruned.bytes > 11)
        #expect(!folder.hasContent(removed))
        #expect(folder.hasContent(recent))
    }

    @Test func pruningKeepsFilesOfTheEntriesThatStay() async throws {
        let folder = try CacheFolder()
        let shared = try await folder.put("shared", key: "k1")
        _ = try await folder.put("shared", key: "k2")
        let single = try await folder.put("single", key: "k3")
        let entries = folder.url.appending(path: "cache/entries")
        for (index, key) in ["k1", "k3", "k2"].enumerated() {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: Double(index * 100 - 1000))],
                ofItemAtPath: entries.appending(path: "\(key).json").path)
        }
        let pruned = await folder.cache.prune(unusedSince: Date(timeIntervalSinceNow: -850), limit: nil)
        #expect(pruned.entries == 2)
        #expect(folder.hasContent(shared))
        #expect(!folder.hasContent(single))
        #expect(await folder.cache.find("k2") != nil)
    }
}
