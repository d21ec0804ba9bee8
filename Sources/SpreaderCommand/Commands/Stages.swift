import ArgumentParser
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import SpreaderApp
import StageHosting

struct Stages: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the stages, or show the options of one.")

    @Argument(help: "Stage name; lists all stages if omitted.")
    var name: String?

    @OptionGroup var output: FormatOption

    func run() async throws {
        let settings = try await Settings.load()
        try await StageHost.with(settings, .all) { host in
            if name == nil { for warning in host.warnings { Output.message(warning) } }
            try show(host.registry)
        }
    }

    private func show(_ registry: StageRegistry) throws {
        if let name {
            guard let stage = registry.stage(named: name) else {
                if let problem = registry.unusable[name] {
                    Output.message("error: \(problem.description)")
                    throw ExitCode(78)
                }
                let near = NearestName.of(name, in: registry.stages.map(\.name.rawValue))
                Output.message(
                    "error: unknown stage \"\(name)\"" + (near.map { " (did you mean \"\($0)\"?)" } ?? ""))
                throw ExitCode(64)
            }
            Output.result(output.format == .json ? try Self.json(stage).text(pretty: true) : Self.page(stage))
            return
        }
        switch output.format {
        case .json: Output.result(try JSONValue.array(registry.stages.map(Self.json)).text(pretty: true))
        case .text:
            Output.result(
                Output.table(
                    registry.stages.map {
                        [
                            $0.name.rawValue, "\($0.input) → \($0.output)",
                            "\($0.effect.rawValue), \($0.resource.rawValue)", $0.summary,
                        ]
                    }))
        }
    }

    private static func page(_ stage: StageDefinition) -> String {
        var lines = [
            "\(stage.name): \(stage.summary)", "", "  input \(stage.input), output \(stage.output)",
            "  effect \(stage.effect.rawValue), resource \(stage.resource.rawValue)",
        ]
        if let origin = stage.origin { lines.append("  from plugin \(origin)") }
        lines.append("")
        lines.append(stage.options.isEmpty ? "No options." : "Options:")
        for option in stage.options {
            var facts = [option.type.name]
            if option.defaultValue != .null { facts.append("default \(shown(option.defaultValue))") }
            switch (option.minimum, option.maximum) {
            case (.null, .null): break
            case (let least, .null): facts.append("at least \(shown(least))")
            case (.null, let most): facts.append("at most \(shown(most))")
            case (let least, let most): facts.append("\(shown(least)) … \(shown(most))")
            }
            if option.isSecret { facts.append("secret") }
            lines.append("  \(option.name)  (\(facts.joined(separator: "; ")))")
            lines.append("      \(option.documentation)")
        }
        return lines.joined(separator: "\n")
    }

    private static func shown(_ value: JSONValue) -> String { value.stringValue ?? (try? value.text()) ?? "" }

    private static func json(_ stage: StageDefinition) -> JSONValue {
        [
            "name": .string(stage.name.rawValue), "summary": .string(stage.summary),
            "input": .string(stage.input.rawValue), "output": .string(stage.output.rawValue),
            "effect": .string(stage.effect.rawValue), "resource": .string(stage.resource.rawValue),
            "options": stage.optionsSchema, "plugin": stage.origin.map(JSONValue.string) ?? .null,
        ]
    }
}
