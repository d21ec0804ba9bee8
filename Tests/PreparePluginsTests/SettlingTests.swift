import Foundation
import Media
import PipelineKit
import ProbePlugin
import SpreaderTesting
import Synchronization
import Testing

/// Footage that may still be on its way.
@Suite struct SettlingTests {
    /// A file that changes while somebody waits, on a clock that moves only then.
    private final class Growing: Sendable {
        let folder: MediaFolder
        let path: String
        private let whole: Data
        private let clock = ManualClock()
        private let steps: Mutex<[Int]>
        /// How much longer every wait takes than asked for.
        private let pace: Double

        /// - Parameters:
        ///   - sizes: Sizes in percent, one a look; the last one stays.
        init(_ name: String, _ clip: SampleClip, sizes: [Int], pace: Double = 1) throws {
            self.pace = pace
            folder = try MediaFolder()
            path = folder.path(name)
            try clip.write(to: path)
            whole = try Data(contentsOf: URL(filePath: path))
            steps = Mutex(sizes)
            try grow()
        }

        /// Writes the next size, if there is one.
        func grow() throws {
            let size = steps.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            guard let size else { return }
            try whole.prefix(whole.count * size / 100).write(to: URL(filePath: path))
            // Whole tenths: a fraction that rounds up to a second is refused.
            let time = Date(timeIntervalSince1970: (clock.now.timeIntervalSince1970 * 10).rounded() / 10)
            try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: path)
        }

        var source: SourceFile {
            let bytes = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber
            return SourceFile(
                file: FileReference(path: path, bytes: bytes?.int64Value ?? 0), displayPath: "clip")
        }

        /// How long was waited, in seconds.
        var waited: Double { clock.waits.reduce(0) { $0 + $1.inSeconds } }

        func probe(settle: Duration = .seconds(2), host: InMemoryHost = InMemoryHost()) async throws -> ProbedMedia {
            var context = host.context()
            context.clock = HostClock(
                now: { [clock] in clock.now },
                sleep: { [self] duration in
                    try await clock.host.sleep(duration * pace)
                    try grow()
                })
            return try await Probe(options: Probe.Options.make(from: ["settle": settle.optionJSON]))
                .run(source, context)
        }

        func later() { clock.advance(by: .seconds(60)) }
    }

    @Test func aCopyUnderWayIsWaitedForAndTakenUpAnew() async throws {
        let growing = try Growing("a.mp4", SampleClip(), sizes: [30, 60, 60, 90, 100])
        let host = InMemoryHost()
        let error = await #expect(throws: StageError.self) { _ = try await growing.probe(host: host) }
        #expect(error?.code == .footageChanged)
        #expect((2.6...3.2).contains(growing.waited), "\(growing.waited)")
        #expect(!host.progress.values.isEmpty)
        let waited = growing.waited
        #expect(try await growing.probe().duration > 0.9)
        #expect(growing.waited == waited)
    }

    @Test(arguments: ["mp4", "matroska", "avi"]) func aCompleteFileIsTakenAtOnce(container: String) async throws {
        var clip = SampleClip()
        clip.container = container
        let fresh = try Growing("a", clip, sizes: [100])
        _ = try await fresh.probe()
        #expect(fresh.waited <= 0.2)
    }

    @Test func whatDeclaresNoLengthStandsStillFirst() async throws {
        var clip = SampleClip()
        clip.container = "mpegts"
        let fresh = try Growing("a.ts", clip, sizes: [100])
        _ = try await fresh.probe()
        #expect((1.99...2.2).contains(fresh.waited), "\(fresh.waited)")
        let unset = try Growing("b.ts", clip, sizes: [100])
        _ = try await unset.probe(settle: .zero)
        #expect(unset.waited == 0)
        let old = try Growing("c.ts", clip, sizes: [100])
        old.later()
        let before = old.waited
        _ = try await old.probe()
        #expect(old.waited == before)
    }

    @Test func aFileThatStaysCutShortIsRefusedInTheEnd() async throws {
        let cut = try Growing("a.mp4", SampleClip(), sizes: [40])
        let error = await #expect(throws: StageError.self) { _ = try await cut.probe() }
        #expect(error?.code == .unusableFootage)
        #expect((1.99...2.2).contains(cut.waited))
    }

    @Test(.timeLimit(.minutes(3))) func garbageIsRefusedAtOnce() async throws {
        let folder = try MediaFolder()
        try Data(repeating: 0x55, count: 5000).write(to: URL(filePath: folder.path("a.mp4")))
        let source = SourceFile(file: FileReference(path: folder.path("a.mp4"), bytes: 5000), displayPath: "a.mp4")
        // Settling takes ten minutes here: were it waited for, the test would not end in time.
        let options = try Probe.Options.make(from: ["settle": "10m"])
        await #expect(throws: StageError.self) {
            _ = try await Probe(options: options).plan(source, InMemoryHost().context().planning)
        }
    }

    @Test func whatGrowsForEverIsLeftForLater() async throws {
        let endless = try Growing("a.mp4", SampleClip(), sizes: (0..<400).map { 40 + $0 % 2 }, pace: 9)
        let error = await #expect(throws: StageError.self) { _ = try await endless.probe() }
        #expect(error?.outcome == .tryLater)
        #expect(error?.message.contains("clip is still growing after 10 min") == true)
    }
}
