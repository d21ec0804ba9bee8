package import Foundation
import PipelineAdvice
package import PipelineCases
import PipelineEngine
import PipelineFile
package import PipelineKit
import StageHosting

/// The result of a test case.
package struct CaseResult: Sendable {
    package let pipelineCase: PipelineCase
    /// The exit status of the run; nil if it did not start or was killed.
    package var exit: Int?
    /// The duration of the case.
    package var seconds: Double
    /// The expectations that did not hold.
    package var failures: [CaseFailure]

    package var isPassed: Bool { failures.isEmpty }
}

/// Runs a test case as a user would: starts this program in a temporary folder, with its own data folder and sandbox.
package struct CaseRunner: Sendable {
    /// The time limit of each program that a case starts.
    private static let limit = Duration.seconds(300)
    /// Settings that a case inherits from this process.
    private static let kept = [
        "SPREADER_ISOLATION", "SPREADER_STAGE_MEMORY", "SPREADER_STAGE_STALL", "SPREADER_PLUGIN_SECRETS",
        "SPREADER_LOG",
    ]

    /// The folder for the temporary folders of cases.
    package let root: URL
    let settings: Settings

    package init(root: URL, settings: Settings) {
        self.root = root
        self.settings = settings
    }

    /// Runs a case and deletes its folder.
    /// - Throws: `StageError.cancelled` if the task was cancelled. Any other error becomes a failure of the case.
    package func run(_ pipelineCase: PipelineCase, of file: CaseFile) async throws(StageError) -> CaseResult {
        let folder = root.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        let start = ContinuousClock.now
        var result = CaseResult(pipelineCase: pipelineCase, exit: nil, seconds: 0, failures: [])
        do throws(StageError) {
            let facts = try await facts(pipelineCase, of: file, in: folder)
            result.exit = facts.exit
            result.failures = Self.failures(pipelineCase, facts)
        } catch {
            // A cancelled task stops the sandbox, which may report another error.
            if error.code == .cancelled || Task.isCancelled { throw .cancelled }
            result.failures = [
                CaseFailure(
                    field: "case", expected: "a run", actual: error.description, location: pipelineCase.location)
            ]
        }
        result.seconds = (ContinuousClock.now - start).inSeconds
        return result
    }

    private static func failures(_ pipelineCase: PipelineCase, _ facts: CaseFacts) -> [CaseFailure] {
        let all = facts.json
        return pipelineCase.expectations.compactMap { expectation in
            var failure = expectation.failure(in: all)
            // A status alone does not explain what happened.
            if expectation.path == ["exit"], let complaint = facts.complaint { failure?.actual += " (\(complaint))" }
            return failure
        }
    }

    private func facts(
        _ pipelineCase: PipelineCase, of file: CaseFile, in folder: URL
    ) async throws(StageError) -> CaseFacts {
        let work = folder.appending(path: "work")
        let home = folder.appending(path: "home")
        do {
            for place in [work, home] {
                try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            }
        } catch {
            throw StageError(.fileSystem, "can't create \(folder.path): \(error.localizedDescription)")
        }
        let footage = try await CaseFootage.make(pipelineCase, in: work)
        let before = Set(Self.files(below: work))
        do {
            return try await LocalSandbox.with(directory: home.appending(path: "sandbox"), logger: Log.quiet) {
                environment in
                let sandbox = try CaseSandbox(environment)
                try await sandbox.prepare(pipelineCase.sandbox)
                let words = words(pipelineCase, file, footage)
                let launch = launch(pipelineCase, home: home, work: work)
                var facts = try await run(words, launch)
                facts.posts = try await sandbox.posts()
                facts.files = Self.files(below: work).filter { !before.contains($0) }
                // A run reports findings only if it does not start, so get them from `plan`.
                if pipelineCase.expectations.contains(where: { $0.path.first == "diagnostics" }) {
                    facts.findings = try await findings(words, launch)
                }
                return facts
            }
        } catch let error as StageError {
            throw error
        } catch is CancellationError {
            throw .cancelled
        } catch {
            throw StageError(.internalFault, "the sandbox of the case failed: \(error)")
        }
    }

    private func words(_ pipelineCase: PipelineCase, _ file: CaseFile, _ footage: String) -> [String] {
        // A file name may start like an option.
        [
            URL(filePath: file.pipeline).standardizedFileURL.path, footage.hasPrefix("-") ? "./\(footage)" : footage,
            "--sandbox", "--format", "json",
        ]
            + pipelineCase.set.flatMap { ["--set", $0] } + pipelineCase.post.flatMap { ["--post", $0] }
            + (pipelineCase.until.map { ["--until", $0] } ?? [])
    }

    private func run(_ words: [String], _ launch: WorkerLaunch) async throws(StageError) -> CaseFacts {
        var launch = launch
        launch.arguments = ["run"] + words + ["--no-wait"]
        let process = try await CapturedProcess.run(launch, limit: Self.limit)
        guard case .exited(let status) = process.end else {
            throw StageError(.internalFault, "the run was killed: \(process.end)")
        }
        let events = process.output.split(separator: 10).compactMap {
            try? JSONDecoder().decode(JSONValue.self, from: $0)
        }
        // An invalid command line produces no events.
        guard !events.isEmpty else {
            let words = String(decoding: process.errors, as: UTF8.self).split(separator: "\n").first.map(String.init)
            throw StageError(.internalFault, words ?? "the run printed nothing and exited with \(status)")
        }
        return CaseFacts(exit: Int(status), events: events)
    }

    private func findings(_ words: [String], _ launch: WorkerLaunch) async throws(StageError) -> [JSONValue] {
        var launch = launch
        launch.arguments = ["plan"] + words
        let process = try await CapturedProcess.run(launch, limit: Self.limit)
        let plan = try? JSONDecoder().decode(JSONValue.self, from: process.output)
        guard case .array(let findings)? = plan?["findings"] else { return [] }
        return findings
    }

    /// Starts this program again, even if its file was replaced meanwhile; without the user's database and accounts.
    private func launch(_ pipelineCase: PipelineCase, home: URL, work: URL) -> WorkerLaunch {
        let hidden = ["TIKTOK_", "SPREADER_", "AWS_", "PG"]
        var environment = ProcessInfo.processInfo.environment.filter { name, _ in
            Self.kept.contains(name) || !hidden.contains { name.hasPrefix($0) }
        }
        environment.merge(pipelineCase.environment) { $1 }
        environment["SPREADER_HOME"] = home.path
        // Relative plugin folders refer to the current folder, not to the folder of the case.
        let current = URL(filePath: FileManager.default.currentDirectoryPath)
        environment["SPREADER_PLUGIN_PATH"] = StageHost.folders(settings).map {
            $0.hasPrefix("/") ? $0 : current.appending(path: $0).path
        }.joined(separator: ":")
        var launch = WorkerLaunch(executable: "/proc/self/exe", arguments: [], environment: environment)
        launch.directory = work.path
        return launch
    }

    /// The files below a folder, as sorted relative paths.
    private static func files(below folder: URL) -> [String] {
        let prefix = folder.resolvingSymlinksInPath().path + "/"
        let all = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.isRegularFileKey])
        var names: [String] = []
        while let url = all?.nextObject() as? URL {
            guard (try? url.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true else { continue }
            let path = url.resolvingSymlinksInPath().path
            names.append(path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path)
        }
        return names.sorted()
    }
}
