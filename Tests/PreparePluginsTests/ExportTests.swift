import ExportPlugin
import Foundation
import PipelineKit
import SpreaderTesting
import Testing

@Suite struct ExportTests {
    @Test(
        arguments: [
            ("media.example.com/clips/", "is not a web address"),
            ("http://media.example.com/clips/", "must be an https"),
            ("https://media.example.com/clips", "must end with a slash"),
            ("https://media.example.com/clips/?a=b/", "must have no user, query"),
            ("https://media.example.com/my clips/", "is not a web address"), ("https://media.example.com/clips/", nil),
            ("http://127.0.0.1:8000/", nil),
        ] as [(String, String?)])
    func aPublicAddressIsOneThatTikTokCanFetchFrom(address: String, problem: String?) throws {
        var options = Export.Options()
        options.publicURL = address
        let findings = try Export(options: options).check(InMemoryHost().checking).filter {
            $0.code == "bad-public-url"
        }
        #expect(findings.count == (problem == nil ? 0 : 1))
        if let problem { #expect(findings.first?.message.contains(problem) == true, "\(findings)") }
    }

    private func video(_ folder: MediaFolder, content: String, footage: String = "/takes/sea.mov") throws
        -> PreparedVideo
    {
        let path = folder.path("work-\(UUID().uuidString).mp4")
        try Data(content.utf8).write(to: URL(fileURLWithPath: path))
        return PreparedVideo(
            file: FileReference(path: path, bytes: Int64(content.utf8.count)),
            source: SourceFile(file: FileReference(path: footage, bytes: 1), displayPath: footage), strategy: .encode,
            width: 1080, height: 1920, duration: 1, frameRate: Rational(30, 1))
    }

    private func export(_ folder: MediaFolder) throws -> Export {
        try Export(options: Export.Options.make(from: ["directory": .string(folder.path("out/today"))]))
    }

    private func names(_ folder: MediaFolder) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path("out/today")).sorted()
    }

    @Test func copiesUnderTheNameOfTheFootage() async throws {
        let folder = try MediaFolder()
        let input = try video(folder, content: "one")
        let output = try await export(folder).run(input, InMemoryHost().context())
        #expect(output.file == input.file)
        #expect(output.exportedPath == folder.path("out/today/sea.mp4"))
        #expect(try names(folder) == ["sea.mp4"])
        #expect(try String(contentsOfFile: folder.path("out/today/sea.mp4"), encoding: .utf8) == "one")
    }

    @Test func takesNoSecondRoomOnTheSameDisk() async throws {
        let folder = try MediaFolder()
        let output = try await export(folder).run(try video(folder, content: "one"), InMemoryHost().context())
        let facts = try FileManager.default.attributesOfItem(atPath: try #require(output.exportedPath))
        #expect(facts[.referenceCount] as? Int == 2)
    }

    @Test(.enabled(if: FileManager.default.isWritableFile(atPath: "/dev/shm"), "there is no second file system"))
    func copiesToAnotherDisk() async throws {
        let other = URL(filePath: "/dev/shm/spreader-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: other) }
        let folder = try MediaFolder()
        let stage = try Export(options: Export.Options.make(from: ["directory": .string(other.path)]))
        _ = try await stage.run(try video(folder, content: "one"), InMemoryHost().context())
        #expect(try String(contentsOf: other.appending(path: "sea.mp4"), encoding: .utf8) == "one")
        #expect(try FileManager.default.contentsOfDirectory(atPath: other.path) == ["sea.mp4"])
    }

    @Test func twinsOfOneRunGetAFileEach() async throws {
        let folder = try MediaFolder()
        let stage = try export(folder)
        var first = InMemoryHost().context()
        first.runDirectory = URL(filePath: folder.path("run"))
        first.asset = "one/sea.mov"
        var second = first
        second.asset = "two/sea.mov"
        let input = try video(folder, content: "same")
        let a = try await stage.run(input, first)
        let b = try await stage.run(input, second)
        #expect(a.exportedPath != b.exportedPath)
        #expect(try names(folder) == ["sea-2.mp4", "sea.mp4"])
        // A later run finds them again and adds none.
        first.runDirectory = URL(filePath: folder.path("later"))
        second.runDirectory = first.runDirectory
        _ = try await stage.run(input, first)
        _ = try await stage.run(input, second)
        #expect(try names(folder) == ["sea-2.mp4", "sea.mp4"])
    }

    @Test func leavesAnEqualFileAsItIs() async throws {
        let folder = try MediaFolder()
        let stage = try export(folder)
        _ = try await stage.run(try video(folder, content: "one"), InMemoryHost().context())
        _ = try await stage.run(try video(folder, content: "one"), InMemoryHost().context())
        #expect(try names(folder) == ["sea.mp4"])
    }

    @Test func numbersFilesOfTheSameName() async throws {
        let folder = try MediaFolder()
        let stage = try export(folder)
        for content in ["one", "two", "two", "three"] {
            let input = try video(folder, content: content, footage: "/takes/\(content)/sea.mov")
            _ = try await stage.run(input, InMemoryHost().context())
        }
        #expect(try names(folder) == ["sea-2.mp4", "sea-3.mp4", "sea.mp4"])
        #expect(try String(contentsOfFile: folder.path("out/today/sea.mp4"), encoding: .utf8) == "one")
    }

    @Test func keepsBothWhenTwoArriveAtOnce() async throws {
        let folder = try MediaFolder()
        let stage = try export(folder)
        let inputs = try (0..<8).map { try video(folder, content: "take \($0)") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for input in inputs {
                group.addTask { _ = try await stage.run(input, InMemoryHost().context()) }
            }
            try await group.waitForAll()
        }
        #expect(try names(folder).count == 8)
    }

    @Test func leavesNothingBehindOnFailure() async throws {
        let folder = try MediaFolder()
        var input = try video(folder, content: "one")
        input.file.path = folder.path("gone.mp4")
        let stage = try export(folder)
        let error = try await #require(throws: StageError.self) {
            try await stage.run(input, InMemoryHost().context())
        }
        #expect(error.code == .fileSystem)
        #expect(try names(folder) == [])
    }

    @Test func findsAFileInTheFoldersPlace() throws {
        let folder = try MediaFolder()
        try FileManager.default.createDirectory(atPath: folder.path("out"), withIntermediateDirectories: true)
        try Data().write(to: URL(fileURLWithPath: folder.path("out/today")))
        #expect(try export(folder).check(InMemoryHost().checking).map(\.code) == ["not-a-folder"])
    }
}
