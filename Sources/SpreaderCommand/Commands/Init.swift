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

extension PipelineDraft.Kind: ExpressibleByArgument {}

struct Init: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Create a pipeline file from questions or flags.",
        discussion: """
            On a terminal, asks for each value without a flag; Enter accepts the default in brackets. With --yes, or \
            without a terminal, takes the defaults without asking. Also writes the schema for editors next to the \
            file. Overwrites an existing file only with --force.

            Examples:
              spreader-pipeline init
              spreader-pipeline init prepare.yaml --kind prepare --footage 'clips/*' --yes
              spreader-pipeline init post.json --kind post --privacy SELF_ONLY --yes
            """)

    @Argument(
        help: "File to write; .yaml or .yml selects YAML.", completion: .file(extensions: ["json", "yaml", "yml"]))
    var file = "pipeline.json"

    @Option(help: ArgumentHelp("Footage: file, folder or pattern; can be repeated.", valueName: "pattern"))
    var footage: [String] = []
    @Option(help: "Target: post, draft (the creator's inbox) or prepare (files only).")
    var kind: PipelineDraft.Kind?
    @Option(help: "Account name.") var account: String?
    @Option(help: ArgumentHelp("Audience of the posts, such as SELF_ONLY.", valueName: "level")) var privacy: String?
    @Option(help: "How to fit video of another aspect ratio: crop, pad or blur.") var fit: String?
    @Option(help: "Caption; {{ name }} is replaced by the file name.") var title: String?
    @Option(help: ArgumentHelp("Maximum duration, such as 60s.", valueName: "duration")) var maxDuration: String?
    @Option(help: ArgumentHelp("Folder for the finished files.", valueName: "folder")) var export: String?
    @Flag(help: "Overwrite an existing file.") var force = false
    @Flag(help: "Accept the defaults without asking.") var yes = false

    private var isYAML: Bool { ["yaml", "yml"].contains((file as NSString).pathExtension.lowercased()) }

    func validate() throws {
        guard isYAML || (file as NSString).pathExtension.lowercased() == "json" else {
            throw ValidationError("the file name must end in .json, .yaml or .yml, not \"\(file)\"")
        }
        if !force, FileManager.default.fileExists(atPath: file) {
            throw ValidationError("\(file) already exists: name another file, or use --force")
        }
    }

    func run() async throws {
        let settings = try await Settings.load()
        let checker = PipelineChecker(
            registry: .linked, environment: { settings[$0] }, isReserved: Settings.secretNames.contains)
        let problem = { [file, isYAML] (draft: PipelineDraft) -> String? in
            let findings = checker.check(PipelineDocument(draft.text(isYAML: isYAML), file: file)).findings
            guard let first = findings.first(where: { $0.severity == .error }) else { return nil }
            return first.message + (first.hint.map { " (\($0))" } ?? "")
        }
        var draft = drafted
        // Check the flags before asking for anything else.
        if let problem = problem(draft) { throw usage(problem) }
        if kind != nil, let problem = contradiction(draft) { throw usage(problem) }
        if !yes, isatty(STDIN_FILENO) == 1 {
            let questionnaire = Questionnaire(
                read: { readLine() }, say: { Output.write($0, to: STDERR_FILENO) },
                problem: { contradiction($0) ?? problem($0) })
            do throws(Questionnaire.Stop) {
                draft = try questionnaire.complete(draft, answered: answered)
            } catch {
                Output.message("\nstopped: nothing was written")
                throw ExitCode(130)
            }
        }
        try write(draft)
    }

    /// The complaint about a flag that does not apply to this kind of pipeline; nil if there is none.
    private func contradiction(_ draft: PipelineDraft) -> String? {
        for (flag, isGiven, kinds) in [
            ("account", account != nil, [.post, .draft]), ("title", title != nil, [.post]),
            ("privacy", privacy != nil, [.post]),
        ] as [(String, Bool, [PipelineDraft.Kind])] where isGiven && !kinds.contains(draft.kind) {
            return "--\(flag) does not apply to a pipeline of kind \(draft.kind.rawValue)"
        }
        return nil
    }

    /// Prints a usage error and returns its exit code, for the caller to throw.
    private func usage(_ problem: String) -> ExitCode {
        Output.message("error: \(problem)\nUsage: \(SpreaderPipeline.usageString(for: Self.self))")
        return ExitCode(64)
    }

    /// The draft with the values of the flags; the rest are defaults.
    private var drafted: PipelineDraft {
        var draft = PipelineDraft(name: URL(filePath: file).deletingPathExtension().lastPathComponent)
        if let kind { draft.kind = kind }
        if !footage.isEmpty { draft.footage = footage }
        if let account { draft.account = account }
        if let privacy { draft.privacy = privacy.uppercased() }
        if let fit { draft.fit = fit.lowercased() }
        if let title { draft.title = title }
        if let maxDuration { draft.maxDuration = maxDuration }
        draft.export = export
        return draft
    }

    private var answered: Set<Questionnaire.Question> {
        let given: [(Questionnaire.Question, Bool)] = [
            (.kind, kind != nil), (.footage, !footage.isEmpty), (.account, account != nil), (.title, title != nil),
            (.privacy, privacy != nil), (.fit, fit != nil), (.maxDuration, maxDuration != nil),
            (.export, export != nil),
        ]
        return Set(given.filter(\.1).map(\.0))
    }

    private func write(_ draft: PipelineDraft) throws {
        let schema = URL(filePath: file).deletingLastPathComponent().appending(path: PipelineDraft.schemaFile)
        var written = file
        // Another process may have created the file since `validate`: keep it.
        try NamedFile(file).write(draft.text(isYAML: isYAML)) { _ in force }
        if !FileManager.default.fileExists(atPath: schema.path),
            let text = try? PipelineSchema.schema(for: .linked).text(pretty: true)
        {
            try NamedFile(schema.relativePath).write(text + "\n") { _ in false }
            written += ", and \(PipelineDraft.schemaFile) next to it for editors"
        }
        Output.result("wrote \(written)")
        Output.result("next: spreader-pipeline lint \(ShellWord.of(file))")
        switch draft.kind {
        case .prepare: Output.result("then: spreader-pipeline run \(ShellWord.of(file))")
        case .post, .draft:
            Output.result("then, without an account: spreader-pipeline run \(ShellWord.of(file)) --sandbox")
        }
        if draft.isPublic {
            Output.result("everyone can see the posts: set \(PipelineDraft.privacySetting)=SELF_ONLY for trial runs")
        }
    }
}
