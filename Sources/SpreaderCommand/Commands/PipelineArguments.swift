import ArgumentParser
import PipelineKit
import SpreaderApp

/// How results are printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable { case text, json }

/// `--format text|json`.
struct FormatOption: ParsableArguments {
    @Option(help: "Output format.") var format: OutputFormat = .text
}

/// `--db`.
struct DatabaseOption: ParsableArguments {
    @Option(help: ArgumentHelp("Database (sqlite:PATH or postgres://…).", valueName: "url")) var db: String?
}

/// `--set` and `--post`.
struct OverrideOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Set a stage option.", valueName: "stage.option=value")) var set: [String] = []
    @Option(help: ArgumentHelp("Set a post setting.", valueName: "key=value")) var post: [String] = []
}

/// A pipeline file and its footage.
struct PipelineFileArguments: ParsableArguments {
    @Argument(help: "Pipeline file, JSON or YAML.", completion: .file(extensions: ["json", "yaml", "yml"]))
    var pipeline: String

    @Argument(help: "Footage: files, folders or patterns; replaces the pipeline's inputs.", completion: .file())
    var inputs: [String] = []

    /// - Throws: `ValidationError` if an override can't be parsed.
    func selection(_ overrides: OverrideOptions? = nil, inputs: [String]? = nil) throws -> PipelineSelection {
        try PipelineSelection.checked(
            file: pipeline, inputs: inputs ?? self.inputs, set: overrides?.set ?? [], post: overrides?.post ?? [])
    }
}

/// The arguments that `run` and `plan` share.
package struct PipelineArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp("Pipeline file, JSON or YAML.", valueName: "pipeline"),
        completion: .file(extensions: ["json", "yaml", "yml"]))
    var file: String?

    @Argument(help: "Footage: files, folders or patterns; replaces the pipeline's inputs.", completion: .file())
    var inputs: [String] = []

    @OptionGroup var overrides: OverrideOptions

    @Flag(help: "Post to a local sandbox instead of TikTok; no account needed.")
    var sandbox = false

    @Option(help: ArgumentHelp("Stop after this stage and keep its output in the work folder.", valueName: "stage"))
    var until: String?

    @Flag(help: "Run every stage in a child process, not only those that read footage.")
    var isolate = false

    @Option(help: "Output format; json is one event per line for a run, one document for a plan.")
    var format: OutputFormat = .text

    /// Checks that a pipeline is named. Only a saved plan can replace the argument.
    /// - Throws: `ValidationError` if none is.
    func requirePipeline() throws {
        if file == nil { throw ValidationError("Missing expected argument '<pipeline>'") }
    }

    func validate() throws { _ = try selection() }

    /// - Throws: `ValidationError` if an override can't be parsed.
    func selection() throws -> PipelineSelection {
        var selection = try PipelineSelection.checked(
            file: file ?? "", inputs: inputs, set: overrides.set, post: overrides.post)
        selection.until = until
        selection.sandbox = sandbox
        selection.isolate = isolate
        return selection
    }
}

extension PipelineSelection {
    /// - Throws: `ValidationError` if an override can't be parsed.
    static func checked(
        file: String, inputs: [String], set: [String] = [], post: [String] = []
    ) throws -> PipelineSelection {
        do {
            return try PipelineSelection(file: file, inputs: inputs, set: set, post: post)
        } catch {
            throw ValidationError(error.message)
        }
    }
}
