import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import SpreaderApp
import StageHosting
import Synchronization

/// Damages pipeline files and runs the checks and the linter on them.
struct FuzzPipelines: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pipelines",
        abstract: "Damage pipeline files and check and lint them.",
        discussion: """
            Every finding must have a location inside the file, and every output format must be valid. Exits 1 if a \
            finding violates this, or if a case takes more than --longest seconds. A crash ends the fuzzer; the file \
            current-… in the folder of --keep is then the cause.
            """)

    @Argument(help: "Files or folders to damage.") var files: [String] = []
    @Option(help: "Number of cases.") var cases = 20_000
    @Option(help: "Seed; it and the case number determine the damage.") var seed: UInt64 = 1
    @Option(help: "Run only this case, and keep its file.") var only: Int?
    @Option(help: "Time limit of a case, in seconds.") var longest = 10.0
    @Option(help: "Folder for the files of failed cases.") var keep = ".build/fuzz"
    @Flag(help: "Only list the known stages and the files that are valid pipelines.") var list = false

    /// A file to damage.
    private struct Seed {
        var name: String
        var bytes: [UInt8]
        /// Whether the undamaged file is a valid pipeline.
        var isValid: Bool
    }

    private static let registry = StageRegistry.builtIn

    func run() async throws {
        let seeds = try Self.seeds(at: files)
        if list {
            for stage in Self.registry.stages { print("stage \(stage.name)") }
            for seed in seeds where seed.isValid { print("sound \(seed.name)") }
            return
        }
        guard !seeds.isEmpty else { throw ValidationError("no pipeline files found") }
        let folder = URL(filePath: keep)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let scratch = folder.appending(path: "current-\(ProcessInfo.processInfo.processIdentifier)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        let runner = PipelineCase(registry: Self.registry, scratch: scratch)
        let watchdog = Watchdog(timeLimit: longest)
        var counts: [PipelineCase.Verdict: Int] = [:]
        var (faulty, slowest) = (0, (seconds: 0.0, number: 0))
        let start = ContinuousClock.now
        for number in only.map({ [$0] }) ?? Array(0..<max(0, cases)) {
            let (name, bytes, steps) = damagedFile(forCase: number, of: seeds)
            try Data(bytes).write(to: scratch)
            watchdog.begin(number)
            let begin = ContinuousClock.now
            let (verdict, faults) = await runner.run(bytes, file: name)
            let seconds = (ContinuousClock.now - begin).inSeconds
            if seconds > slowest.seconds { slowest = (seconds, number) }
            counts[verdict, default: 0] += 1
            if !faults.isEmpty { faulty += 1 }
            guard !faults.isEmpty || only != nil else { continue }
            report("case \(number), \(verdict.rawValue): \(faults.prefix(3).joined(separator: "; ")) [\(steps)]")
            try? Data(bytes).write(to: folder.appending(path: "\(seed)-\(number)-\(name)"))
        }
        watchdog.end()
        var line = "\(counts.values.reduce(0, +)) cases (seed \(seed), \(seeds.count) files) in "
        line += "\(Int((ContinuousClock.now - start).inSeconds)) s: "
        line += PipelineCase.Verdict.allCases.map { "\(counts[$0] ?? 0) \($0.rawValue)" }.joined(separator: ", ")
        line += ", \(faulty) faulty; slowest: case \(slowest.number), "
        print(line + String(format: "%.2f s", slowest.seconds))
        if faulty > 0 || counts.isEmpty { throw ExitCode(1) }
    }

    /// Returns the file name, content and damage of a case.
    private func damagedFile(
        forCase number: Int, of seeds: [Seed]
    ) -> (name: String, bytes: [UInt8], steps: String) {
        var random = SeededGenerator(seed: seed, caseNumber: number)
        // Half of the cases start from a valid file: in an invalid one, the checks may stop at the original error.
        let valid = Bool.random(using: &random) ? seeds.filter(\.isValid) : []
        let origin = (valid.isEmpty ? seeds : valid).randomElement(using: &random) ?? seeds[0]
        // Sometimes read JSON as YAML, and YAML as JSON.
        let keepsFormat = Int.random(in: 0..<4, using: &random) > 0
        let stem = (origin.name as NSString).deletingPathExtension
        let ending = (origin.name as NSString).pathExtension
        let name = keepsFormat ? origin.name : "\(stem).\(ending == "json" ? "yaml" : "json")"
        var mutator = TextMutator(random: random, others: seeds.map(\.bytes))
        var bytes = origin.bytes
        mutator.damage(&bytes)
        return (name, bytes, "\(origin.name): \(mutator.steps.joined(separator: "; "))")
    }

    /// Collects the pipeline files in the named folders and files. Sorted, so that a case number always selects the same file.
    private static func seeds(at paths: [String]) throws -> [Seed] {
        let found = try paths.flatMap { path in
            guard let files = try URL.files(at: path) else { throw ValidationError("\(path) does not exist") }
            return files
        }
        return try found.filter { url in
            // Skip the schemas: they are not pipelines, and larger than any.
            ["json", "yaml", "yml"].contains(url.pathExtension) && !url.lastPathComponent.hasSuffix(".schema.json")
        }.sorted { $0.lastPathComponent < $1.lastPathComponent }.map { url in
            let data = try Data(contentsOf: url)
            let checker = PipelineChecker(registry: registry, environment: { _ in nil })
            let document = PipelineDocument(String(decoding: data, as: UTF8.self), file: url.lastPathComponent)
            let isValid = checker.check(document).pipeline != nil
            return Seed(name: url.lastPathComponent, bytes: [UInt8](data), isValid: isValid)
        }
    }

    /// Ends the fuzzer if a case exceeds its time limit.
    private final class Watchdog: Sendable {
        private let state = Mutex<(number: Int, start: ContinuousClock.Instant)?>(nil)
        private let timeLimit: Double

        init(timeLimit: Double) {
            self.timeLimit = timeLimit
            let thread = Thread { [self] in
                while true {
                    Thread.sleep(forTimeInterval: 0.5)
                    guard let current = state.withLock({ $0 }) else { continue }
                    guard (ContinuousClock.now - current.start).inSeconds > timeLimit else { continue }
                    report("case \(current.number) hangs")
                    _exit(1)
                }
            }
            thread.start()
        }

        func begin(_ number: Int) { state.withLock { $0 = (number, .now) } }
        func end() { state.withLock { $0 = nil } }
    }
}
