import Foundation
import PipelineKit
import SpreaderTesting
import Testing

@Suite struct FileStabilityTests {
    private let clock = ManualClock()
    private let folder: MediaFolder

    init() throws { folder = try MediaFolder() }

    /// Writes a file whose modification time is `age` before now.
    private func write(_ text: String, age: Duration = .zero) throws {
        try Data(text.utf8).write(to: URL(filePath: folder.path("clip")))
        try FileManager.default.setAttributes(
            [.modificationDate: clock.now.addingTimeInterval(-age.inSeconds)], ofItemAtPath: folder.path("clip"))
    }

    private func stability(countsFromModification: Bool = true) throws -> FileStability {
        FileStability(
            try #require(FileStability.Snapshot(of: folder.path("clip"))), of: folder.path("clip"), clock: clock.host,
            countsFromModification: countsFromModification)
    }

    @Test func countsFromTheLastWrite() throws {
        try write("one", age: .seconds(3))
        #expect(try stability().isStable(for: .seconds(2)))
        #expect(try !stability(countsFromModification: false).isStable(for: .seconds(2)))
    }

    @Test func countsAgainAfterAWrite() throws {
        try write("one")
        var stability = try stability()
        clock.advance(by: .seconds(1))
        try write("longer")
        stability.update()
        #expect(stability.snapshot.bytes == 6)
        clock.advance(by: .seconds(1))
        stability.update()
        #expect(!stability.isStable(for: .seconds(2)))
        clock.advance(by: .seconds(1))
        stability.update()
        #expect(stability.isStable(for: .seconds(2)))
    }

    @Test func noticesAWriteThatKeepsTheSize() throws {
        try write("one", age: .seconds(9))
        var stability = try stability()
        try write("two")
        stability.update()
        #expect(!stability.isStable(for: .seconds(2)))
    }

    @Test func saysThatTheFileIsGone() throws {
        try write("one")
        var stability = try stability()
        try FileManager.default.removeItem(atPath: folder.path("clip"))
        let exists = stability.update()
        #expect(!exists)
    }

    @Test(arguments: [(1.0, true), (3, false), (-1, true), (-3, false)])
    func onlyTimesNearNowAreRecent(age: Double, isRecent: Bool) throws {
        try write("one", age: .seconds(age))
        let snapshot = try #require(FileStability.Snapshot(of: folder.path("clip")))
        #expect(snapshot.isRecent(within: .seconds(2), of: clock.now) == isRecent)
    }
}
