import Foundation
import PipelineEngine
import PipelineFile
import PipelineKit

/// The input of lint rules: the pipeline file before substitution, the checked pipeline and the footage.
struct LintSubject: Sendable {
    /// The file before substitution.
    var document: PipelineDocument
    /// The checked pipeline; nil if it has errors.
    var pipeline: Pipeline?
    /// The known stages, for rules that also work on pipelines with errors.
    var stages: [StageDefinition]
    var assets: [AssetInput]
    /// The plans of the footage.
    var plans: [AssetPlan]
    var now: Date

    /// A checked stage with its node in the file.
    struct Step: Sendable {
        /// The index in `stages`, from 0.
        var index: Int
        var stage: PipelineStage
        /// The node before substitution.
        var node: DocumentNode

        /// The name of the stage type, as in `uses`.
        var name: String { stage.type.name.rawValue }
        /// The JSON pointer to the stage.
        var pointer: String { "/stages/\(index)" }

        /// The member `key` of `with`; nil if the file does not set the option.
        func option(_ key: String) -> DocumentNode.Member? { node.member("with")?.value.member(key) }
        /// The effective value of an option, including defaults.
        func value(_ key: String) -> JSONValue? { stage.stage.options[key] }
        /// The location of an option's value, or of the stage if the file does not set the option.
        func location(_ key: String) -> SourcePosition { option(key)?.value.location ?? stage.location }
    }

    /// The root before substitution; nil if the file can't be parsed.
    var root: DocumentNode? { document.root }

    /// The stages in order; empty if the pipeline has errors.
    var steps: [Step] {
        zip(pipeline?.stages ?? [], document.stageNodes).enumerated().map { index, pair in
            Step(index: index, stage: pair.0, node: pair.1)
        }
    }

    /// The stages of a type.
    func steps(named name: String) -> [Step] { steps.filter { $0.name == name } }

    /// Whether the pipeline posts.
    var isPosting: Bool { pipeline?.isIrreversible ?? false }

    /// The members of `post` before substitution.
    var post: [DocumentNode.Member] { root?.member("post")?.value.members ?? [] }

    /// The post settings of `asset` including its sidecar, or those of the pipeline; nil if they are invalid.
    func settings(of asset: AssetInput?) -> PostSettings? {
        guard let pipeline else { return nil }
        guard let asset else { return try? PostSettings.make(from: pipeline.post) }
        return try? AssetPost(pipeline: pipeline, asset: asset, date: now).settings
    }

    /// The start of the file.
    var start: SourcePosition { SourcePosition(file: document.file, line: 1, column: 1) }

    /// The footage that reaches `step`, with asset names. After a stage that splits, these are the parts.
    func footage(before step: Step) -> [(asset: String, media: ProbedMedia)] {
        let names = Set(steps.prefix(step.index).map(\.stage.id))
        return plans.flatMap { plan in
            // Other stages in front of it, such as overlay, pass the footage on.
            let outputs = plan.steps.filter { names.contains($0.stage) }.compactMap(\.plan.output)
            for output in outputs.reversed() {
                if let media = output as? ProbedMedia { return [(plan.asset, media)] }
                if let parts = output as? PartedMedia { return parts.elements.map { (plan.asset, $0) } }
            }
            return []
        }
    }

    /// The probed footage, with asset names.
    var footage: [(asset: String, media: ProbedMedia)] {
        plans.compactMap { plan in
            for step in plan.steps {
                if let media = step.plan.output as? ProbedMedia { return (plan.asset, media) }
            }
            return nil
        }
    }
}

/// Formats lists of footage for messages.
enum FootageWords {
    /// "a.mov", "a.mov and b.mov", "a.mov, b.mov and 3 others".
    static func list(_ names: [String]) -> String {
        switch names.count {
        case 0: "nothing"
        case 1: names[0]
        case 2: "\(names[0]) and \(names[1])"
        case 3: "\(names[0]), \(names[1]) and \(names[2])"
        default: "\(names[0]), \(names[1]) and \(names.count - 2) others"
        }
    }
}
