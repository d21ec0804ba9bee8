import Foundation
package import PipelineAdvice
package import PipelineEngine
package import PipelineFile
package import PipelineKit
import Posting

/// A pipeline with its footage, on the way from the file to the posts: load → check → plan → run.
///
/// Every command, job and page takes this one way. Each step adds findings; nothing is written or sent before
/// ``begin(_:saved:)``.
package struct PreparedRun: Sendable {
    package let selection: PipelineSelection
    package let workspace: Workspace
    /// The checked pipeline; nil if the file has errors.
    package private(set) var pipeline: Pipeline?
    package var assets: [AssetInput] = []
    /// What each stage would do for each asset; empty before ``planFootage()``.
    package private(set) var plans: [AssetPlan] = []
    /// Problems and advice so far, with secrets masked.
    package private(set) var findings: [Diagnostic] = []
    private let mask: SecretMask

    /// How much a missing login matters. A run needs one; a check need not be made by the person who posts.
    package enum AuthorisationCheck: Sendable {
        case required
        /// Report it with this severity.
        case reported(Diagnostic.Severity)
    }

    /// Reads and checks a pipeline file, and resolves its footage. Does not look into footage yet.
    package static func load(
        _ selection: PipelineSelection, in workspace: Workspace, authorisation: AuthorisationCheck = .required
    ) async -> PreparedRun {
        let settings = workspace.settings
        let registry = workspace.host.registry
        let checker = PipelineChecker(
            registry: registry, environment: { settings[$0] }, isReserved: Settings.secretNames.contains)
        let (pipeline, problems) = checker.check(
            workspace.document, overrides: selection.overrides, until: selection.until)
        let mask = SecretMask(
            hiding: workspace.document, stages: registry.stages, environment: { settings[$0] },
            overrides: selection.overrides)
        var run = PreparedRun(selection, workspace, pipeline: pipeline, findings: problems, mask: mask)
        if let pipeline {
            run.resolveInputs(of: pipeline)
            run.add(await run.checkStages(of: pipeline))
        }
        run.add(workspace.host.findings)
        if case .reported(let severity) = authorisation { run.report(authorisationAs: severity) }
        return run
    }

    private init(
        _ selection: PipelineSelection, _ workspace: Workspace, pipeline: Pipeline?, findings: [Diagnostic],
        mask: SecretMask
    ) {
        self.selection = selection
        self.workspace = workspace
        self.pipeline = pipeline
        self.findings = findings.map(mask.masked)
        self.mask = mask
    }

    /// Plans every asset. Writes nothing. Footage that a stage refuses becomes a finding.
    package mutating func planFootage() async {
        guard let pipeline, blocking.isEmpty else { return }
        let planner = Planner(
            pipeline: pipeline, settings: workspace.settings.plain, clock: .system, logger: Log.quiet)
        plans = await planner.plans(assets)
        for plan in plans { add(Self.findings(of: plan)) }
    }

    /// Adds findings, with secrets masked.
    package mutating func add(_ more: [Diagnostic]) { findings += more.map(mask.masked) }

    /// The plans with secrets masked, for output.
    package var shownPlans: [AssetPlan] { plans.map(mask.masked) }

    /// Findings about the pipeline or its settings: nothing can start.
    package var blocking: [Diagnostic] { findings.filter { $0.severity == .error && $0.subject != .footage } }
    /// Findings about single pieces of footage: the others can still run.
    package var refusedFootage: [Diagnostic] { findings.filter { $0.severity == .error && $0.subject == .footage } }

    /// Refuses a secret that `--set` gives: whatever keeps the command would keep the secret in clear.
    /// - Parameter keeper: What would keep it, such as "run record".
    package func secretRefusal(keeper: String) -> StageError? {
        guard let pipeline, let option = SavedPlan.secret(in: selection.overrides, of: pipeline) else { return nil }
        return SavedPlan.secretRefusal(option, keeper: keeper)
    }

    /// The exit status if nothing starts.
    package var refusal: Int {
        if blocking.contains(where: { $0.subject == .pipeline || $0.subject == .footage }) { return 65 }
        if blocking.contains(where: { $0.subject == .authorisation }) { return 77 }
        if blocking.contains(where: { $0.subject == .configuration }) { return 78 }
        return refusedFootage.isEmpty ? 0 : 65
    }

    /// The findings and the advice of `lint`, in the order of the file.
    /// - Parameter allowed: Codes of advice and warnings to leave out.
    package func advice(allowing allowed: Set<String>) -> [Diagnostic] {
        let settings = workspace.settings
        let linter = Linter(
            workspace.document, pipeline: pipeline, stages: workspace.host.registry.stages,
            environment: { settings[$0] }, assets: assets, plans: plans)
        let remaining = findings.filter { $0.severity == .error || !allowed.contains($0.code) }
        return (remaining + linter.findings(allowing: allowed))
            .sorted { rank($0) < rank($1) }.map(mask.masked)
    }

    /// Masks secrets in what is shown beside findings, such as lines of the file.
    package var secretMask: SecretMask { mask }

    /// Sort key: findings in the pipeline file from top to bottom, then findings elsewhere.
    private func rank(_ finding: Diagnostic) -> (Int, Int, Int) {
        guard let location = finding.location, location.file == selection.file else { return (1, 0, 0) }
        return (0, location.line ?? .max, location.column ?? 0)
    }
}

// MARK: Steps of loading

extension PreparedRun {
    private mutating func resolveInputs(of pipeline: Pipeline) {
        let file = selection.file
        let patterns =
            selection.inputs.isEmpty
            ? pipeline.inputs : selection.inputs.map { ($0, SourcePosition(file: file)) }
        if patterns.isEmpty {
            add([
                Diagnostic(
                    code: "no-input", "the pipeline has no inputs",
                    hint: "add \"inputs\": [\"footage/*\"], or name files on the command line",
                    location: SourcePosition(file: file, line: 1, column: 1))
            ])
        }
        let directory = URL(filePath: FileManager.default.currentDirectoryPath)
        let resolved = InputResolver.resolve(patterns, in: directory)
        assets = resolved.assets
        add(
            resolved.findings.map { finding in
                // Without any footage, the command as a whole has nothing to do.
                var finding = finding
                if assets.isEmpty, finding.code == "no-input" { finding.subject = .pipeline }
                return finding
            })
    }

    private func checkStages(of pipeline: Pipeline) async -> [Diagnostic] {
        guard let post = try? PostSettings.make(from: pipeline.post) else { return [] }
        var context = CheckContext(post: post, account: pipeline.account, settings: workspace.settings.plain)
        context.services.posting.credentials = workspace.credentials
        var findings: [Diagnostic] = []
        for stage in pipeline.stages {
            findings += await stage.stage.check(context).map { pipeline.placed($0, of: stage) }
        }
        return findings
    }

    private mutating func report(authorisationAs severity: Diagnostic.Severity) {
        for index in findings.indices where findings[index].subject == .authorisation {
            findings[index].severity = severity
        }
    }

    private static func findings(of plan: AssetPlan) -> [Diagnostic] {
        var findings = (plan.steps + plan.parts.flatMap(\.steps)).flatMap(\.plan.findings).map { finding in
            var finding = finding
            finding.location = finding.location ?? SourcePosition(file: plan.asset)
            finding.asset = plan.asset
            return finding
        }
        if let (stage, error) = plan.failure {
            findings.append(
                Diagnostic(
                    code: error.code.rawValue, "\(stage): \(error.message)", hint: error.hint,
                    location: SourcePosition(file: plan.asset), subject: .footage, asset: plan.asset))
        }
        return findings
    }
}
