import Foundation
import PipelineFile
import PipelineKit
import Posting

/// One part of split footage, which passes through the remaining stages like an asset.
struct AssetPart: Sendable {
    /// The number of the part, from 1.
    var number: Int
    /// The number of all parts.
    var count: Int
    /// The initial state: its artifact from the stage that split the footage.
    var standing: AssetRunner.AssetState
    /// The content of the footage when the asset started.
    var content: AssetRunner.FootageContent
    /// The work folder of the whole asset.
    var folder: URL
    /// Orders the irreversible stages of all parts.
    var order: PartOrder

    /// The number as it appears in names.
    var label: String { FootagePart.label(number, of: count) }

    /// The ledger slot of the part.
    func slot(in pipeline: String) -> PostSlot { PostSlot(pipeline: pipeline, part: number, of: count) }
}

extension AssetRunner {
    /// How many further parts may be in progress besides those that occupy the processor.
    private static let lookAhead = 2

    /// Runs the remaining stages for every element of a list.
    ///
    /// Parts are prepared concurrently, within the processor budget, and posted in order. A failed part does not stop
    /// the others, unless its error concerns them too.
    func series(
        _ elements: [any Artifact], _ standing: AssetState, _ content: FootageContent, _ folder: URL,
        _ course: inout AssetProgress
    ) async -> AssetOutcome {
        let order = PartOrder()
        let parts = elements.enumerated().map { index, element in
            var part = AssetPart(
                number: index + 1, count: elements.count, standing: standing, content: content, folder: folder,
                order: order)
            part.standing.artifact = element
            part.standing.before += "\npart \(part.number)/\(part.count)"
            return part
        }
        var ended: [Int: Result] = [:]
        await runTasks(for: parts, width: host.processorBudget + Self.lookAhead) { part in
            var own = self
            own.asset.name = "\(asset.name)#\(part.label)"
            own.part = part
            // Emit here and not in the task, so that parts start in order.
            host.emit(.assetStarted(asset: own.asset.name, stage: own.stages.first?.id ?? ""))
            return { [own] in (part.number, await own.runPart(part)) }
        } end: { number, result in
            ended[number] = result
        }
        let results = parts.compactMap { ended[$0.number] }
        course.posts += results.reduce(0) { $0 + $1.posts }
        course.parts = results.map(\.outcome)
        return Self.outcome(of: course.parts)
    }

    private func runPart(_ part: AssetPart) async -> Result {
        let result = await run(stoppedBy: nil)
        var stop: StageError?
        // A part that is left to another worker or scheduled for later has not been posted: later ones must wait, too.
        if case .failed(let error) = result.outcome,
            RunEngine.concernsAll(error) || [.busy, .scheduled].contains(error.code)
        {
            stop = error
        }
        await part.order.end(part.number, stopping: stop)
        return result
    }

    /// The outcome of the asset from those of its parts.
    private static func outcome(of parts: [AssetOutcome]) -> AssetOutcome {
        let errors = parts.compactMap { if case .failed(let error) = $0 { error } else { nil } }
        if let error = errors.first(where: RunEngine.concernsAll) ?? errors.first {
            guard error.code != .cancelled else { return .failed(error) }
            return .failed(
                StageError(
                    error.code, "\(errors.count) of \(parts.count) parts failed: \(error.message)", hint: error.hint,
                    recovery: error.recovery, outcome: error.outcome))
        }
        let isPosted = parts.allSatisfy { if case .skipped = $0 { true } else { false } }
        return isPosted
            ? .skipped(reason: "already posted, all \(parts.count) parts of it; nothing was sent") : .finished
    }
}
