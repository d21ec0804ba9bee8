import ArgumentParser
import Foundation
import PipelineKit
import PluginProtocol
import ProbePlugin
import SpreaderApp
import Synchronization
import TranscodePlugin

/// Damages footage and checks that probe and transcode either deliver it or fail cleanly.
struct FuzzFootage: AsyncParsableCommand {
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
        let tally = await runCases(of: seeds, in: folder, until: start + .seconds(seconds))
        let elapsed = (ContinuousClock.now - start).inSeconds
        var line = "\(tally.cases) cases (seed \(seed), \(seeds.files.count) files) in \(Int(elapsed)) s: "
        line += Verdict.allCases.map { "\(tally[$0]) \($0.rawValue)" }.joined(separator: ", ")
        line += "; \(tally.inherited) children broken by earlier cases; slowest: case \(tally.slowest.number), "
        line += String(format: "%.1f s", tally.slowest.seconds)
        print(line)
        if tally[.uncontained] > 0 || tally.cases == 0 { throw ExitCode(1) }
    }

    private func runCases(of seeds: Seeds, in folder: URL, until end: ContinuousClock.Instant) async -> Tally {
        let numbers = only.map { [$0] } ?? Array(0..<max(0, cases))
        let runners = (0..<max(1, min(jobs, numbers.count))).map { _ in makeRunner() }
        var tally = Tally()
        await withTaskGroup(of: [CaseResult].self) { group in
            for (index, runner) in runners.enumerated() {
                let own = runners.count == 1 ? numbers : numbers.filter { $0 % runners.count == index }
                group.addTask {
                    var results: [CaseResult] = []
                    for number in own where ContinuousClock.now <= end {
                        results.append(await runCase(number, of: seeds, in: folder, with: runner))
                    }
                    await runner.close()
                    return results
                }
            }
            for await results in group {
                for result in results { tally.add(result) }
            }
        }
        for case let runner as ChildRunner in runners { tally.inherited += runner.inherited.load(ordering: .relaxed) }
        return tally
    }

    private func makeRunner() -> any CaseRunner {
        if let program { return ProgramRunner(program: program, timeLimit: .seconds(stall * 6)) }
        return ChildRunner(memory: ByteCount(Int64(memory) * 1_000_000), stall: .seconds(stall))
    }

    private func runCase(
        _ number: Int, of seeds: Seeds, in folder: URL, with runner: any CaseRunner
    ) async -> CaseResult {
        var random = SeededGenerator(seed: seed, caseNumber: number)
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
            report("case \(number): \(error)")
            return CaseResult(number: number, verdict: .uncontained, seconds: 0)
        }
        let start = ContinuousClock.now
        let (verdict, detail) = await runner.run(file, work: work)
        let seconds = (ContinuousClock.now - start).inSeconds
        if only != nil || ![.delivered, .refused].contains(verdict) {
            report("case \(number), \(verdict.rawValue): \(detail) [\(mutator.steps.joined(separator: "; "))]")
            keepFile(file, verdict: verdict)
        }
        return CaseResult(number: number, verdict: verdict, seconds: seconds)
    }

    private func keepFile(_ file: URL, verdict: Verdict) {
        let folder = URL(filePath: keep)
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let copy = folder.appending(path: "\(verdict.rawValue)-\(file.lastPathComponent)")
        try? FileManager.default.removeItem(at: copy)
        try? FileManager.default.copyItem(at: file, to: copy)
    }
}
