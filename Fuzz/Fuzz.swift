import ArgumentParser
import Foundation
import PipelineKit
import PluginProtocol
import ProbePlugin
import SpreaderApp
import Synchronization
import TranscodePlugin

/// Damages footage and checks that probe and transcode either deliver it or fail cleanly.
struct Fuzz: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "footage",
        abstract: "Damage footage and run probe and transcode on it.",
        discussion: """
            Each case runs in a child process. Children that crash, hang or exceed their memory count as contained; \
            their files are kept, named after seed and case. Exits 1 if a case was not contained: the host failed, or \
            reported an internal error. Without files, generates clips.
            """)

    @Argument(help: "Files or folders to damage.") var files: [String] = []
    @Option(help: "Number of cases.") var cases = 2000
    @Option(help: "Seed; it and the case number determine the damage.") var seed: UInt64 = 1
    @Option(help: "Run only this case, and keep its file.") var only: Int?
    @Option(help: "Stop after this many seconds.") var seconds = 3600.0
    @Option(help: "Cases that run at the same time.") var jobs = ProcessInfo.processInfo.activeProcessorCount
    @Option(help: "Seconds without progress after which a case counts as hung.") var stall = 20.0
    @Option(help: "Memory limit of a child, in megabytes.") var memory = 2000
    @Option(help: "Folder for the files of failed cases.") var keep = ".build/fuzz"
    @Option(help: "Run each case with this program instead of a child of the fuzzer.") var program: String?
    @Flag(help: .hidden) var serve = false

    func run() async throws {
        if serve { PluginProcess.serve(Probe.self, Transcode.self, name: "fuzz", version: "1") }
        let folder = FileManager.default.temporaryDirectory.appending(path: "fuzz-\(UUID().uuidString)")
        let clips = folder.appending(path: "clips")
        try FileManager.default.createDirectory(at: clips, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let seeds = files.isEmpty ? try Seeds(generatedIn: clips) : try Seeds(files)
        guard !seeds.files.isEmpty else { throw ValidationError("no footage found") }
        let start = ContinuousClock.now
        let tally = await tally(seeds, folder, until: start + .seconds(seconds))
        let elapsed = (ContinuousClock.now - start).inSeconds
        var line = "\(tally.cases) cases (seed \(seed), \(seeds.files.count) files) in \(Int(elapsed)) s: "
        line += Verdict.allCases.map { "\(tally[$0]) \($0.rawValue)" }.joined(separator: ", ")
        line += "; \(tally.inherited) children broken by earlier cases; slowest: case \(tally.slowest.number), "
        line += String(format: "%.1f s", tally.slowest.seconds)
        print(line)
        if tally[.uncontained] > 0 || tally.cases == 0 { throw ExitCode(1) }
    }

    private func tally(_ seeds: Seeds, _ folder: URL, until end: ContinuousClock.Instant) async -> Tally {
        let numbers = only.map { [$0] } ?? Array(0..<max(0, cases))
        let lanes = max(1, min(jobs, numbers.count))
        return await withTaskGroup(of: [(Int, Verdict, Double)].self) { group in
            var tally = Tally()
            var inherited = 0
            let runners: [any CaseRunner] = (0..<lanes).map { _ in
                program.map { ProgramRunner(program: $0, longest: .seconds(stall * 6)) as any CaseRunner }
                    ?? ChildRunner(memory: ByteCount(Int64(memory) * 1_000_000), stall: .seconds(stall))
            }
            for (lane, runner) in runners.enumerated() {
                group.addTask {
                    var results: [(Int, Verdict, Double)] = []
                    for number in numbers where number % lanes == lane || numbers.count == 1 {
                        if ContinuousClock.now > end { break }
                        results.append(await one(number, seeds, folder, runner))
                    }
                    await runner.close()
                    return results
                }
            }
            for await results in group {
                for (number, verdict, seconds) in results { tally.add(verdict, seconds: seconds, number: number) }
            }
            for runner in runners { inherited += (runner as? ChildRunner)?.inherited.load(ordering: .relaxed) ?? 0 }
            tally.inherited = inherited
            return tally
        }
    }

    private func one(
        _ number: Int, _ seeds: Seeds, _ folder: URL, _ runner: any CaseRunner
    ) async -> (Int, Verdict, Double) {
        var random = SeededGenerator(seed: seed &* 0x1_0000_0001 ^ UInt64(number) &* 0x9E37_79B9)
        let origin = seeds.files[Int.random(in: seeds.files.indices, using: &random)]
        let work = folder.appending(path: "case-\(number)")
        defer { try? FileManager.default.removeItem(at: work) }
        var mutator = Mutator(random: random)
        let file = work.appending(path: "\(seed)-\(number)-\(origin.lastPathComponent)")
        do {
            try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
            var bytes = [UInt8](try Data(contentsOf: origin))
            mutator.damage(&bytes)
            try Data(bytes).write(to: file)
        } catch {
            note("case \(number): \(error)")
            return (number, .uncontained, 0)
        }
        let start = ContinuousClock.now
        let (verdict, detail) = await runner.run(file, work: work)
        let seconds = (ContinuousClock.now - start).inSeconds
        if only != nil || ![.delivered, .refused].contains(verdict) {
            note("case \(number), \(verdict.rawValue): \(detail) [\(mutator.steps.joined(separator: "; "))]")
            let kept = URL(filePath: keep)
            try? FileManager.default.createDirectory(at: kept, withIntermediateDirectories: true)
            let place = kept.appending(path: "\(verdict.rawValue)-\(file.lastPathComponent)")
            try? FileManager.default.removeItem(at: place)
            try? FileManager.default.copyItem(at: file, to: place)
        }
        return (number, verdict, seconds)
    }

    private func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
