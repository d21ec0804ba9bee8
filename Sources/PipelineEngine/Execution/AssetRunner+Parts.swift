import Foundation
import PipelineFile
import PipelineKit
import Store

/// One of several things that a stage has made of an asset: it goes through the stages behind as an asset of its own.
struct AssetPart: Sendable {
    /// Its number, from 1.
    var number: Int
    /// How many there are.
    var count: Int
    /// Where it stands: its artifact, handed on by the stage that made the list.
    var standing: AssetRunner.Standing
    /// The footage's content when the run began.
    var content: AssetRunner.FootageContent
    /// The work folder of the asset.
    var folder: URL
    /// When it may do what can't be undone.
    var order: PartOrder

    /// Its number as names have it.
    var label: String { FootagePart.label(number, of: count) }

    /// Its slot in the ledger within a pipeline's.
    func slot(in pipeline: String) -> String { "\(pipeline)#\(number)/\(count)" }
}

extension AssetRunner {
    /// Parts that may be worked on beside the one whose turn it is.
    private static let lookAhead = 2

    /// Takes every element of a list through the stages behind the one that gave it.
    ///
    /// They are prepared side by side, as the processor allows; what can't be undone is done in their order. A part that
    /// fails does not keep the others.
    func series(
        _ elements: [any Artifact], _ standing: Standing, _ content: FootageContent, _ folder: URL,
        _ course: inout Course
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
            // Here, so that they begin in their order.
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
        // A part that another worker has to go on with, or that waits for its time, is not over: the later ones wait, too.
        if case .failed(let error) = result.outcome,
            RunEngine.concernsAll(error) || [.busy, .scheduled].contains(error.code)
        {
            stop = error
        }
        await part.order.end(part.number, stopping: stop)
        return result
    }

    /// What the parts' outcomes make of the asset.
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
