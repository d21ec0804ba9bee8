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

/// How results are written.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable { case text, json }

/// What `run` and `plan` have in common.
struct PipelineArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The pipeline file, JSON or YAML.", valueName: "pipeline"),
        completion: .file(extensions: ["json", "yaml", "yml"]))
    var file: String?

    @Argument(help: "Footage: files, folders or patterns; replaces the file's inputs.", completion: .file())
    var inputs: [String] = []

    @Option(help: ArgumentHelp("Set an option of a stage.", valueName: "stage.option=value"))
    var set: [String] = []

    @Option(help: ArgumentHelp("Set a key of the post.", valueName: "key=value"))
    var post: [String] = []

    @Flag(help: "Post to the local sandbox, in process: no account needed, nothing leaves the machine.")
    var sandbox = false

    @Option(help: ArgumentHelp("Stop after this stage; its output stays in the work folder.", valueName: "stage"))
    var until: String?

    @Flag(help: "Run every stage in a process of its own, not only those that read footage.")
    var isolate = false

    @Option(help: "How to report: text for people; json: a run's events, one a line, or one document of a plan.")
    var format: OutputFormat = .text

    /// The pipeline file; only a saved plan can stand for it.
    var pipeline: String { file ?? "" }

    /// Checks that a pipeline is named.
    /// - Throws: `ValidationError` when none is.
    func requirePipeline() throws {
        if file == nil { throw ValidationError("Missing expected argument '<pipeline>'") }
    }

    /// The overrides of `--set` and `--post`.
    /// - Throws: `ValidationError` for a form that is not `stage.option=value`.
    func overrides() throws -> [PipelineChecker.Override] { try Self.overrides(set: set, post: post) }

    /// `--set` and `--post` as they were given, for a job's run.
    static func words(set: [String], post: [String]) -> [String] {
        set.flatMap { ["--set", $0] } + post.flatMap { ["--post", $0] }
    }

    /// The overrides that `--set` and `--post` give.
    /// - Throws: `ValidationError` for a form that is not `stage.option=value`.
    static func overrides(set: [String], post: [String]) throws -> [PipelineChecker.Override] {
        try set.map { text in
            guard let override = PipelineChecker.Override(text, flag: "--set", namesStage: true) else {
                throw ValidationError("--set takes stage.option=value, not \"\(text)\"")
            }
            return override
        }
            + post.map { text in
                guard let override = PipelineChecker.Override(text, flag: "--post", namesStage: false) else {
                    throw ValidationError("--post takes key=value, not \"\(text)\"")
                }
                return override
            }
    }

    func validate() throws { _ = try overrides() }

    /// What makes a later command the same one, which goes on with an unfinished run.
    /// - Parameters:
    ///   - identity: That of the account.
    ///   - reposts: Whether it posts once more.
    func fingerprint(_ identity: String, reposts: Bool = false) -> String {
        let path = URL(filePath: pipeline).standardizedFileURL.path
        let words = [FileManager.default.currentDirectoryPath, path, identity, until ?? ""]
        return ContentDigest.sha256((words + (reposts ? ["repost"] : []) + inputs).joined(separator: "\n"))
    }
}

/// A pipeline with its footage, checked as far as can be without network.
struct CheckedRun: Sendable {
    var pipeline: Pipeline?
    var assets: [AssetInput]
    /// What is wrong or worth knowing, secrets hidden.
    private(set) var findings: [Diagnostic]
    private let mask: SecretMask

    init(pipeline: Pipeline? = nil, assets: [AssetInput] = [], findings: [Diagnostic], mask: SecretMask = SecretMask())
    {
        self.pipeline = pipeline
        self.assets = assets
        self.findings = findings.map(mask.masked)
        self.mask = mask
    }

    /// Adds what was found since, secrets hidden.
    mutating func add(_ more: [Diagnostic]) { findings += more.map(mask.masked) }

    /// A plan as it may be told: secrets are hidden.
    func masked(_ plan: AssetPlan) -> AssetPlan { mask.masked(plan) }

    /// Findings about the pipeline itself or its settings: nothing can start.
    var blocking: [Diagnostic] { findings.filter { $0.severity == .error && $0.subject != .footage } }
    /// Findings about single pieces of footage: the others can go on.
    var refusedFootage: [Diagnostic] { findings.filter { $0.severity == .error && $0.subject == .footage } }

    /// Makes less of findings about the account: what is only checked needs none.
    mutating func tolerateAuthorisation(as severity: Diagnostic.Severity) {
        for index in findings.indices where findings[index].subject == .authorisation {
            findings[index].severity = severity
        }
    }

    /// Why a secret that `--set` gives can't be taken: what is kept of a command holds its words.
    /// - Parameter keeper: What would hold it, such as "record of a run".
    func secretRefusal(_ overrides: [PipelineChecker.Override], keeper: String) -> StageError? {
        guard let pipeline, let option = SavedPlan.secret(in: overrides, of: pipeline) else { return nil }
        return SavedPlan.secretRefusal(option, keeper: keeper)
    }

    /// The exit status when nothing starts.
    var refusal: Int {
        if blocking.contains(where: { $0.subject == .pipeline || $0.subject == .footage }) { return 65 }
        if blocking.contains(where: { $0.subject == .authorisation }) { return 77 }
        if blocking.contains(where: { $0.subject == .configuration }) { return 78 }
        return refusedFootage.isEmpty ? 0 : 65
    }

    /// Reads and checks a pipeline file and finds its footage.
    static func load(
        file: String, inputs: [String], overrides: [PipelineChecker.Override] = [], until: String? = nil,
        registry: StageRegistry, settings: Settings, credentials: any CredentialProvider
    ) async -> CheckedRun {
        guard !file.isEmpty else {
            let finding = Diagnostic(
                code: "unreadable-pipeline", "the name of the pipeline file is empty", hint: "name a JSON or YAML file")
            return CheckedRun(findings: [finding])
        }
        let text: String
        do throws(FileText.Problem) {
            text = try FileText.read(URL(filePath: file))
        } catch {
            let finding = Diagnostic(
                code: "unreadable-pipeline", "the pipeline file \(file) \(error.message)", hint: error.hint,
                location: SourceLocation(file: file, line: error.line, column: error.column))
            return CheckedRun(findings: [finding])
        }
        let checker = PipelineChecker(
            registry: registry, environment: { settings[$0] }, isReserved: Settings.secretNames.contains)
        let (pipeline, problems) = checker.check(text, file: file, overrides: overrides, until: until)
        var findings = problems
        let patterns =
            inputs.isEmpty
            ? pipeline?.inputs ?? []
            : inputs.map { ($0, SourceLocation(file: file)) }
        var assets: [AssetInput] = []
        if let pipeline {
            if patterns.isEmpty {
                findings.append(
                    Diagnostic(
                        code: "no-input", "the pipeline names no inputs",
                        hint: "add \"inputs\": [\"footage/*\"], or name files on the command line",
                        location: SourceLocation(file: file, line: 1, column: 1)))
            }
            let directory = URL(filePath: FileManager.default.currentDirectoryPath)
            let resolved = InputResolver.resolve(patterns, in: directory)
            assets = resolved.assets
            findings += resolved.findings.map { finding in
                // Nothing at all to work on concerns the whole command.
                var finding = finding
                if assets.isEmpty, finding.code == "no-input" { finding.subject = .pipeline }
                return finding
            }
            findings += await checkStages(pipeline, settings: settings, credentials: credentials)
        }
        return CheckedRun(
            pipeline: pipeline, assets: assets, findings: findings,
            mask: SecretMask(
                hiding: text, file: file, stages: registry.stages, environment: { settings[$0] }, overrides: overrides))
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

    /// Plans every asset without writing anything: footage that a stage already refuses becomes a finding.
    mutating func planFootage(settings: Settings) async -> [AssetPlan] {
        guard let pipeline, blocking.isEmpty else { return [] }
        let planner = Planner(pipeline: pipeline, settings: settings.plain, clock: .system, logger: Log.quiet)
        let plans = await planner.plans(assets)
        for plan in plans {
            for (_, step) in plan.steps + plan.parts.flatMap(\.steps) {
                add(
                    step.findings.map { finding in
                        var finding = finding
                        finding.location = finding.location ?? SourceLocation(file: plan.asset)
                        finding.asset = plan.asset
                        return finding
                    })
            }
            guard let (stage, error) = plan.failure else { continue }
            add([
                Diagnostic(
                    code: error.code.rawValue, "\(stage): \(error.message)", hint: error.hint,
                    location: SourceLocation(file: plan.asset), subject: .footage, asset: plan.asset)
            ])
        }
        return plans
    }
}
