import ArgumentParser
import Foundation
import Glibc
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import SpreaderApp
import StageHosting
import TikTokSandbox

struct TestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Run the test cases of pipelines against the sandbox.",
        discussion: """
            The cases of tiktok.json are in tiktok.test.json: generated footage and the expected results. Each case \
            runs in its own temporary folder with its own sandbox and database; nothing leaves the machine. Exits 0 \
            if all cases pass, 1 if one fails, 65 if a test-case file is invalid.

            Examples:
              spreader-pipeline test
              spreader-pipeline test pipelines/tiktok.json --filter landscape
              spreader-pipeline test --format junit > report.xml
            """)

    @Argument(
        help: "Test-case files, folders or pipelines; the current folder and pipelines/ if omitted.",
        completion: .file(extensions: ["json", "yaml", "yml"]))
    var places: [String] = []

    @Option(help: ArgumentHelp("Run only the cases with this text in their name.", valueName: "name"))
    var filter: String?

    @Option(help: "Output format; json is one object per case, junit one XML document.")
    var format: CaseReport.Format = .text

    func run() async throws {
        let files: [String]
        do throws(CaseFinder.Missing) {
            files = try CaseFinder.files(places)
        } catch {
            Output.message("error: \(error.message)")
            throw ExitCode(64)
        }
        let cases = try read(files)
        let root = FileManager.default.temporaryDirectory.appending(path: "spreader-test-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        let settings = try await Settings.load()
        let isPassed = try await run(cases, CaseRunner(root: root, settings: settings))
        if !isPassed { throw ExitCode(1) }
    }

    /// Reads all files before the first case runs.
    private func read(_ files: [String]) throws -> [(CaseFile, PipelineCase)] {
        var cases: [(CaseFile, PipelineCase)] = []
        var wrong: [(file: String, findings: [Diagnostic])] = []
        for file in files {
            let (read, findings) = CaseReader.read(file, registry: .linked) { data in
                FaultPlan.problem(with: data, named: "sandbox").map { ($0.message, $0.hint, $0.pointer ?? "") }
            }
            for finding in findings {
                Output.message(finding.text)
                if format == .json, let line = try? JSONValue(encoding: finding).text() { Output.result(line) }
            }
            guard let read else {
                wrong.append((file, findings))
                continue
            }
            cases += read.cases.map { (read, $0) }
        }
        guard wrong.isEmpty else {
            if format == .junit { Output.result(CaseReport.junit(wrong)) }
            throw ExitCode(65)
        }
        guard let filter else { return cases }
        let chosen = cases.filter { $0.1.name.localizedCaseInsensitiveContains(filter) }
        guard !chosen.isEmpty else {
            let names = cases.map { "\"\($0.1.name)\"" }.joined(separator: ", ")
            Output.message("error: no case has \"\(filter)\" in its name (cases: \(names))")
            throw ExitCode(64)
        }
        return chosen
    }

    /// Runs the cases, two at a time, and reports them in order.
    private func run(_ cases: [(CaseFile, PipelineCase)], _ runner: CaseRunner) async throws -> Bool {
        let work = Task { await finish(cases, runner) }
        let interruption = SignalHandler {
            work.cancel()
        } giveUp: {
            try? FileManager.default.removeItem(at: runner.root)
        }
        defer { interruption.stop() }
        guard let isPassed = await work.value else {
            Output.message("interrupted")
            throw ExitCode(130)
        }
        return isPassed
    }

    /// - Returns: Whether all cases passed; nil if the task was cancelled.
    private func finish(_ cases: [(CaseFile, PipelineCase)], _ runner: CaseRunner) async -> Bool? {
        let start = ContinuousClock.now
        var report = CaseReport(format)
        var isPassed = true
        let isWhole = await withTaskGroup(of: (Int, CaseResult?).self) { group in
            var next = 0
            func add() {
                guard next < cases.count else { return }
                let index = next
                next += 1
                group.addTask { (index, try? await runner.run(cases[index].1, of: cases[index].0)) }
            }
            for _ in 0..<2 { add() }
            var waiting: [Int: CaseResult] = [:]
            var told = 0
            while let (index, result) = await group.next() {
                guard let result else {
                    group.cancelAll()
                    return false
                }
                waiting[index] = result
                while let result = waiting.removeValue(forKey: told) {
                    report.take(result, of: cases[told].0)
                    isPassed = isPassed && result.isPassed
                    told += 1
                }
                add()
            }
            return true
        }
        guard isWhole else { return nil }
        report.finish(seconds: (ContinuousClock.now - start).inSeconds)
        return isPassed
    }
}

extension CaseReport.Format: ExpressibleByArgument {}
