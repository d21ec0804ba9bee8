import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import Posting
import StageHosting
import Store

enum OutputFormat: String, ExpressibleByArgument, CaseIterable { case text, json }

/// The arguments that `run` and `plan` share.
struct PipelineArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp("Pipeline file, JSON or YAML.", valueName: "pipeline"),
        completion: .file(extensions: ["json", "yaml", "yml"]))
    var file: String?

    @Argument(help: "Footage: files, folders or patterns; replaces the pipeline's inputs.", completion: .file())
    var inputs: [String] = []

    @Option(help: ArgumentHelp("Set a stage option.", valueName: "stage.option=value"))
    var set: [String] = []

    @Option(help: ArgumentHelp("Set a post setting.", valueName: "key=value"))
    var post: [String] = []

    @Flag(help: "Post to a local sandbox instead of TikTok; no account needed.")
    var sandbox = false

    @Option(help: ArgumentHelp("Stop after this stage and keep its output in the work folder.", valueName: "stage"))
    var until: String?

    @Flag(help: "Run every stage in a child process, not only those that read footage.")
    var isolate = false

    @Option(help: "Output format; json is one event per line for a run, one document for a plan.")
    var format: OutputFormat = .text

    /// The pipeline file. Empty only with `run --plan`, where the saved plan names it.
    var pipeline: String { file ?? "" }

    /// Requires the pipeline argument, which only `run --plan` may omit.
    /// - Throws: `ValidationError` if it is missing.
    func requirePipeline() throws {
        if file == nil { throw ValidationError("Missing expected argument '<pipeline>'") }
    }

    /// The parsed values of `--set` and `--post`.
    /// - Throws: `ValidationError` for a value that is not `stage.option=value` or `key=value`.
    func overrides() throws -> [PipelineOverride] { try Self.overrides(set: set, post: post) }

    /// `--set` and `--post` as command-line words, to store with a job and pass to its run.
    static func words(set: [String], post: [String]) -> [String] {
        set.flatMap { ["--set", $0] } + post.flatMap { ["--post", $0] }
    }

    /// Parses the values of `--set` and `--post`.
    /// - Throws: `ValidationError` for a value that is not `stage.option=value` or `key=value`.
    static func overrides(set: [String], post: [String]) throws -> [PipelineOverride] {
        try set.map { text in
            guard let override = PipelineOverride(set: text) else {
                throw ValidationError("--set takes stage.option=value, not \"\(text)\"")
            }
            return override
        }
            + post.map { text in
                guard let override = PipelineOverride(post: text) else {
                    throw ValidationError("--post takes key=value, not \"\(text)\"")
                }
                return override
            }
    }

    func validate() throws { _ = try overrides() }

    /// Identifies the command, so that the same command later resumes its unfinished run.
    /// - Parameters:
    ///   - identity: The identity of the account.
    ///   - reposts: Whether the command was given `--repost`.
    func fingerprint(_ identity: String, reposts: Bool = false) -> String {
        let path = URL(filePath: pipeline).standardizedFileURL.path
        let words = [FileManager.default.currentDirectoryPath, path, identity, until ?? ""]
        return ContentDigest.sha256((words + (reposts ? ["repost"] : []) + inputs).joined(separator: "\n"))
    }
}

/// A pipeline and its footage, checked without the network.
struct CheckedRun: Sendable {
    var pipeline: Pipeline?
    var assets: [AssetInput]
    /// Errors, warnings and notes; secrets are masked.
    private(set) var findings: [Diagnostic]
    private let mask: SecretMask

    init(pipeline: Pipeline? = nil, assets: [AssetInput] = [], findings: [Diagnostic], mask: SecretMask = SecretMask())
    {
        self.pipeline = pipeline
        self.assets = assets
        self.findings = findings.map(mask.masked)
        self.mask = mask
    }

    /// Adds findings and masks the secrets in them.
    mutating func add(_ more: [Diagnostic]) { findings += more.map(mask.masked) }

    /// Masks the secrets in a plan, so that it can be printed.
    func masked(_ plan: AssetPlan) -> AssetPlan { mask.masked(plan) }

    /// Errors in the pipeline or its settings: nothing can start.
    var blocking: [Diagnostic] { findings.filter { $0.severity == .error && $0.subject != .footage } }
    /// Errors in single assets: the other assets can run.
    var refusedFootage: [Diagnostic] { findings.filter { $0.severity == .error && $0.subject == .footage } }

    /// Lowers the severity of findings about the account, for commands that need no login.
    mutating func tolerateAuthorisation(as severity: Diagnostic.Severity) {
        for index in findings.indices where findings[index].subject == .authorisation {
            findings[index].severity = severity
        }
    }

    /// The error for a secret option given with `--set`; nil if there is none. The command line is stored, and a stored
    /// record must not hold a secret.
    /// - Parameter keeper: The record that would hold it, such as "run record".
    func secretRefusal(_ overrides: [PipelineOverride], keeper: String) -> StageError? {
        guard let pipeline, let option = SavedPlan.secret(in: overrides, of: pipeline) else { return nil }
        return SavedPlan.secretRefusal(option, keeper: keeper)
    }

    /// The exit status if nothing can start; 0 if there are no errors.
    var refusal: Int {
        if blocking.contains(where: { $0.subject == .pipeline || $0.subject == .footage }) { return 65 }
        if blocking.contains(where: { $0.subject == .authorisation }) { return 77 }
        if blocking.contains(where: { $0.subject == .configuration }) { return 78 }
        return refusedFootage.isEmpty ? 0 : 65
    }

    /// Checks a pipeline file, and resolves its inputs. Problems become findings.
    static func load(
        _ document: PipelineDocument, inputs: [String], overrides: [PipelineOverride] = [], until: String? = nil,
        registry: StageRegistry, settings: Settings, credentials: any CredentialProvider
    ) async -> CheckedRun {
        let checker = PipelineChecker(
            registry: registry, environment: { settings[$0] }, isReserved: Settings.secretNames.contains)
        let (pipeline, problems) = checker.check(document, overrides: overrides, until: until)
        var findings = problems
        let patterns =
            inputs.isEmpty
            ? pipeline?.inputs ?? []
            : inputs.map { ($0, SourcePosition(file: document.file)) }
        var assets: [AssetInput] = []
        if let pipeline {
            if patterns.isEmpty {
                findings.append(
                    Diagnostic(
                        code: "no-input", "the pipeline has no inputs",
                        hint: "add \"inputs\": [\"footage/*\"], or name files on the command line",
                        location: SourcePosition(file: document.file, line: 1, column: 1)))
            }
            let directory = URL(filePath: FileManager.default.currentDirectoryPath)
            let resolved = InputResolver.resolve(patterns, in: directory)
            assets = resolved.assets
            findings += resolved.findings.map { finding in
                // Without any footage, the command as a whole fails.
                var finding = finding
                if assets.isEmpty, finding.code == "no-input" { finding.subject = .pipeline }
                return finding
            }
            findings += await checkStages(pipeline, settings: settings, credentials: credentials)
        }
        return CheckedRun(
            pipeline: pipeline, assets: assets, findings: findings,
            mask: SecretMask(
                hiding: document, stages: registry.stages, environment: { settings[$0] }, overrides: overrides))
    }

    private static func checkStages(
        _ pipeline: Pipeline, settings: Settings, credentials: any CredentialProvider
    ) async -> [Diagnostic] {
        guard let post = try? PostSettings.make(from: pipeline.post) else { return [] }
        var context = CheckContext(post: post, account: pipeline.account, settings: settings.plain)
        context.services.posting.credentials = credentials
        var findings: [Diagnostic] = []
        for stage in pipeline.stages {
            findings += await stage.stage.check(context).map { pipeline.placed($0, of: stage) }
        }
        return findings
    }

    /// Plans every asset without writing anything. Footage that a stage refuses becomes a finding.
    mutating func planFootage(settings: Settings) async -> [AssetPlan] {
        guard let pipeline, blocking.isEmpty else { return [] }
        let planner = Planner(pipeline: pipeline, settings: settings.plain, clock: .system, logger: Log.quiet)
        let plans = await planner.plans(assets)
        for plan in plans {
            for (_, step) in plan.steps + plan.parts.flatMap(\.steps) {
                add(
                    step.findings.map { finding in
                        var finding = finding
                        finding.location = finding.location ?? SourcePosition(file: plan.asset)
                        finding.asset = plan.asset
                        return finding
                    })
            }
            guard let (stage, error) = plan.failure else { continue }
            add([
                Diagnostic(
                    code: error.code.rawValue, "\(stage): \(error.message)", hint: error.hint,
                    location: SourcePosition(file: plan.asset), subject: .footage, asset: plan.asset)
            ])
        }
        return plans
    }
}
