import ArgumentParser
import Foundation
import Glibc
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting

extension PipelineDraft.Kind: ExpressibleByArgument {}

/// `init [FILE]`: writes a pipeline by asking, or from flags.
struct Init: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a pipeline, by asking or from flags.",
        discussion: """
            On a terminal it asks for what no flag says; Enter takes the answer in brackets. With --yes, or without a \
            terminal, the flags and those answers are all there is. The schema for editors is put beside the file. A \
            file that is there is not overwritten without --force.
            """)

    @Argument(
        help: "The file to write; .yaml or .yml for YAML.", completion: .file(extensions: ["json", "yaml", "yml"]))
    var file = "pipeline.json"

    @Option(help: ArgumentHelp("Files, folders or patterns; can be repeated.", valueName: "pattern"))
    var footage: [String] = []
    @Option(help: "What for: post, draft (to the creator's inbox) or prepare (files only).")
    var kind: PipelineDraft.Kind?
    @Option(help: "Name of the account.") var account: String?
    @Option(help: ArgumentHelp("Who may see the posts, such as SELF_ONLY.", valueName: "level")) var privacy: String?
    @Option(help: "Pictures of another shape: crop, pad or blur.") var fit: String?
    @Option(help: "Caption; {{ name }} is the file's name.") var title: String?
    @Option(help: ArgumentHelp("Longest video, such as 60s.", valueName: "duration")) var maxDuration: String?
    @Option(help: ArgumentHelp("Folder for the finished files.", valueName: "folder")) var export: String?
    @Flag(help: "Overwrite the file.") var force = false
    @Flag(help: "Ask nothing.") var yes = false

    private var isYAML: Bool { ["yaml", "yml"].contains((file as NSString).pathExtension.lowercased()) }

    func validate() throws {
        guard isYAML || (file as NSString).pathExtension.lowercased() == "json" else {
            throw ValidationError("the file's name ends in .json, .yaml or .yml, not \"\(file)\"")
        }
        if !force, FileManager.default.fileExists(atPath: file) {
            throw ValidationError("\(file) is there already: name another file, or say --force")
        }
    }

    func run() async throws {
        let settings = try await Command.settings()
        let checker = PipelineChecker(
            registry: .linked, environment: { settings[$0] }, isReserved: Settings.secretNames.contains)
        let problem = { [file, isYAML] (draft: PipelineDraft) -> String? in
            let findings = checker.check(draft.text(isYAML: isYAML), file: file).findings
            guard let first = findings.first(where: { $0.severity == .error }) else { return nil }
            return first.message + (first.hint.map { " (\($0))" } ?? "")
        }
        var draft = drafted
        // What flags say is checked before anybody is asked for more.
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

    /// A flag that the kind of pipeline has no use for.
    private func contradiction(_ draft: PipelineDraft) -> String? {
        for (flag, isGiven, kinds) in [
            ("account", account != nil, [.post, .draft]), ("title", title != nil, [.post]),
            ("privacy", privacy != nil, [.post]),
        ] as [(String, Bool, [PipelineDraft.Kind])] where isGiven && !kinds.contains(draft.kind) {
            return "--\(flag) says nothing about a pipeline of the kind \(draft.kind.rawValue)"
        }
        return nil
    }

    /// Tells of flags that don't hold.
    /// - Returns: The status to end the program with.
    private func usage(_ problem: String) -> ExitCode {
        Output.message("error: \(problem)\nUsage: \(SpreaderPipeline.usageString(for: Self.self))")
        return ExitCode(64)
    }

    /// What the flags say.
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
        do throws(StageError) {
            // Whoever made the file meanwhile keeps it.
            try NamedFile(file).write(draft.text(isYAML: isYAML)) { _ in force }
            if !FileManager.default.fileExists(atPath: schema.path),
                let text = try? PipelineSchema.schema(for: .linked).text(pretty: true)
            {
                try NamedFile(schema.relativePath).write(text + "\n") { _ in false }
                written += ", and \(PipelineDraft.schemaFile) beside it for editors"
            }
        } catch {
            throw Command.exit(error)
        }
        Output.result("wrote \(written)")
        Output.result("next: spreader-pipeline lint \(ShellWord.of(file))")
        switch draft.kind {
        case .prepare: Output.result("then: spreader-pipeline run \(ShellWord.of(file))")
        case .post, .draft:
            Output.result("then, without an account: spreader-pipeline run \(ShellWord.of(file)) --sandbox")
        }
        if draft.isPublic {
            Output.result("everyone will see its posts: set \(PipelineDraft.privacySetting)=SELF_ONLY for trial runs")
        }
    }
}
