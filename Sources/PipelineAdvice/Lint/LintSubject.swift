import Foundation
import PipelineEngine
import PipelineFile
import PipelineKit

/// What rules look at: the file as it was written, what the check made of it, and the footage as far as it is there.
struct LintSubject: Sendable {
    /// The file, as the user named it.
    var file: String
    /// The file's nodes, before the environment filled them; nil when they can't be read.
    var written: DocumentNode?
    /// The same nodes, filled.
    var filled: DocumentNode?
    /// The checked pipeline; nil when it has errors.
    var pipeline: Pipeline?
    /// The stages that a pipeline can have, for those that have errors.
    var stages: [StageType]
    /// The footage.
    var assets: [AssetInput]
    /// What would become of it.
    var plans: [AssetPlan]
    /// The present moment.
    var now: Date

    /// A stage with its nodes.
    struct Step: Sendable {
        /// Its place in the list, from 0.
        var index: Int
        /// The checked stage.
        var stage: PipelineStage
        /// As it was written.
        var written: DocumentNode

        /// Its name.
        var name: String { stage.type.name.rawValue }
        /// JSON pointer to it.
        var pointer: String { "/stages/\(index)" }

        /// The member `key` of its options, as it was written.
        func option(_ key: String) -> DocumentNode.Member? { written.member("with")?.value.member(key) }
        /// The value of an option: what the file says, or the default.
        func value(_ key: String) -> JSONValue? { stage.stage.options[key] }
        /// Where to point for an option: its value, or the stage where the file does not name it.
        func location(_ key: String) -> SourceLocation { option(key)?.value.location ?? stage.location }
    }

    /// The stages in order; none when the pipeline has errors.
    var steps: [Step] {
        guard let pipeline, case .list(let elements, _)? = written?.member("stages")?.value else { return [] }
        return zip(pipeline.stages, elements).enumerated().map { index, pair in
            Step(index: index, stage: pair.0, written: pair.1)
        }
    }

    /// The stages of that name.
    func steps(named name: String) -> [Step] { steps.filter { $0.name == name } }

    /// Whether it makes posts.
    var isPosting: Bool { pipeline?.isIrreversible ?? false }

    /// The members of `post`, as they were written.
    var post: [DocumentNode.Member] { written?.member("post")?.value.members ?? [] }

    /// The post's settings of one piece of footage, of the pipeline alone without one; nil when they don't hold.
    func settings(of asset: AssetInput?) -> PostSettings? {
        guard let pipeline else { return nil }
        guard let asset else { return try? PostSettings.make(from: pipeline.post) }
        return try? AssetPost(pipeline: pipeline, asset: asset, date: now).settings
    }

    /// Where the file begins.
    var start: SourceLocation { SourceLocation(file: file, line: 1, column: 1) }

    /// What a stage is given of the footage, with its name: the parts of it behind a stage that makes several.
    func footage(before step: Step) -> [(asset: String, media: ProbedMedia)] {
        let names = Set(steps.prefix(step.index).map(\.stage.id))
        return plans.flatMap { plan in
            // What else is between, such as an overlay, hands on the footage itself.
            let outputs = plan.steps.filter { names.contains($0.stage) }.compactMap(\.plan.output)
            for output in outputs.reversed() {
                if let media = output as? ProbedMedia { return [(plan.asset, media)] }
                if let parts = output as? PartedMedia { return parts.elements.map { (plan.asset, $0) } }
            }
            return []
        }
    }

    /// What stages found in footage, with its name.
    var footage: [(asset: String, media: ProbedMedia)] {
        plans.compactMap { plan in
            for step in plan.steps {
                if let media = step.plan.output as? ProbedMedia { return (plan.asset, media) }
            }
            return nil
        }
    }
}

/// Words for lists of footage.
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
