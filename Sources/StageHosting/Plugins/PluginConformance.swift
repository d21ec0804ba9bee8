package import Foundation
package import PipelineKit
import PluginProtocol

/// A test suite that shows plugin authors whether a plugin follows the protocol. Starts a new process for each check
/// and acts as a host.
package struct PluginConformance: Sendable {
    /// One check of the suite.
    package struct Check: Sendable, Hashable {
        package enum Verdict: String, Sendable { case passed, failed, skipped }
        /// The subject of the check, such as `hello` or `run cut`.
        package var name: String
        package var verdict: Verdict
        /// The observation or the reason of a failure; may be empty.
        package var detail: String
    }

    /// Sample inputs for stages, by kind.
    package typealias Samples = [ArtifactKind: any Artifact]

    /// The longest time until an answer; plans and runs may take longer.
    static let answerTimeout = Duration.seconds(5)
    static let workTimeout = Duration.seconds(60)
    static let stopTimeout = Duration.seconds(3)

    let manifest: PluginManifest
    let launch: WorkerLaunch
    let limits: WorkerLimits
    let samples: Samples
    let options: [String: [String: JSONValue]]
    let folder: URL
    let mayPost: Bool

    /// Creates the suite for one plugin.
    /// - Parameters:
    ///   - samples: Sample inputs; skips stages that take other kinds.
    ///   - options: The options to use, by stage; needed for stages with required options.
    ///   - folder: An empty folder for the files that the plugin creates.
    ///   - mayPost: Whether the plugin is the program itself, whose irreversible stages are accepted, but not run.
    package init(
        _ manifest: PluginManifest, _ policy: PluginPolicy, samples: Samples,
        options: [String: [String: JSONValue]] = [:], folder: URL, mayPost: Bool = false
    ) {
        self.manifest = manifest
        (launch, limits) = Plugin.launch(manifest, policy)
        self.samples = samples
        self.options = options
        self.folder = folder
        self.mayPost = mayPost
    }

    /// Runs all checks, in order.
    /// - Throws: `StageError` with code `cancelled` if the task was cancelled.
    package func run() async throws(StageError) -> [Check] {
        try await BlockingWork.run(name: "plugin-check") { (flag) throws(StageError) in try checks(flag) }
    }

    private func checks(_ flag: CancellationFlag) throws(StageError) -> [Check] {
        var report = Report(flag: flag)
        var ready: ChildReady?
        try report.add("hello") { () throws(ConformanceFailure) in
            ready = try greeted().ready
            return "\(manifest.name) \(manifest.version), protocol \(StageProtocol.version)"
        }
        guard let ready else { return report.checks }
        try report.add("manifest") { () throws(ConformanceFailure) in
            if let problem = Plugin.problem(with: ready, of: manifest, mayPost: mayPost) {
                throw ConformanceFailure(problem)
            }
            return "\(ready.stages.count) \(ready.stages.count == 1 ? "stage" : "stages")"
        }
        try report.add("unknown fields", checkUnknownFields)
        try report.add("another protocol", checkAnotherProtocol)
        try report.add("shutdown", checkShutdown)
        try report.add("closed input", checkClosedInput)
        try report.add("unknown stage", checkUnknownStage)
        for stage in ready.stages { try check(stage, features: ready.features, report: &report) }
        return report.checks
    }

    private func check(_ stage: StageDescription, features: [String], report: inout Report) throws(StageError) {
        try report.add("options of \(stage.name)") { () throws(ConformanceFailure) in try checkOptions(of: stage) }
        if features.contains("check") {
            try report.add("check \(stage.name)") { () throws(ConformanceFailure) in try checkCheck(of: stage) }
        }
        if features.contains("plan") {
            try report.add("plan \(stage.name)") { () throws(ConformanceFailure) in try checkPlan(of: stage) }
        }
        try report.add("run \(stage.name)") { () throws(ConformanceFailure) in try checkRun(of: stage) }
        try report.add("cancel \(stage.name)") { () throws(ConformanceFailure) in try checkCancellation(of: stage) }
        try report.add("long line to \(stage.name)") { () throws(ConformanceFailure) in try checkLongLine(to: stage) }
    }
}

/// The checks so far.
private struct Report {
    let flag: CancellationFlag
    private(set) var checks: [PluginConformance.Check] = []

    init(flag: CancellationFlag) { self.flag = flag }

    /// Adds a check.
    /// - Parameter check: Returns the observation.
    mutating func add(_ name: String, _ check: () throws(ConformanceFailure) -> String) throws(StageError) {
        guard !flag.isCancelled else { throw .cancelled }
        do throws(ConformanceFailure) {
            checks.append(.init(name: name, verdict: .passed, detail: try check()))
        } catch {
            checks.append(.init(name: name, verdict: error.isSkipped ? .skipped : .failed, detail: error.reason))
        }
    }
}

/// Why a check did not pass.
struct ConformanceFailure: Error {
    var reason: String
    var isSkipped = false

    init(_ reason: String, isSkipped: Bool = false) {
        self.reason = reason
        self.isSkipped = isSkipped
    }
}
