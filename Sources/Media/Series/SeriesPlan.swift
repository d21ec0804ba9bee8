import Foundation
import PipelineKit

/// Chooses the cuts that split footage into as few parts as possible, at the best places and of similar length.
///
/// A pure computation: the caller finds the candidates.
package struct SeriesPlan: Sendable, Hashable {
    /// Limits on the length of the parts.
    package struct Rules: Sendable, Hashable {
        /// Longest part, in seconds.
        package var longest: Double
        /// Shortest part in seconds, at most half of the longest.
        package var shortest: Double

        /// Lowers `shortest` to half of `longest` if it is larger.
        package init(longest: Double, shortest: Double) {
            self.longest = longest
            self.shortest = min(shortest, longest / 2)
        }
    }

    /// Start of the footage in seconds, on its own timeline.
    package let start: Double
    /// End of the last part in seconds, on the same timeline.
    package let end: Double
    /// Number of parts: as few as the longest allowed part permits.
    package let count: Int
    private let rules: Rules
    private let frame: Double

    /// A tail up to this length in seconds gets no part of its own: the audio often ends slightly after the video.
    private static let tail = 0.05
    /// Weight of unequal lengths against the costs of the cuts.
    private static let balance = 0.5
    /// Number of evenly spaced times to try in each window besides the candidates.
    private static let grid = 24
    /// Most candidates to try in a window.
    private static let maximumCandidates = 160

    /// Plans the parts of footage from `start` to `end`.
    /// - Parameter frame: Duration of a frame in seconds, by which a part may exceed its limits.
    package init(start: Double, end: Double, rules: Rules, frame: Double = 0) {
        self.start = start
        self.rules = rules
        self.frame = frame
        let length = max(0, end - start)
        count = max(1, Int(saturating: ((length - SeriesPlan.tail) / rules.longest).rounded(.up)))
        self.end = min(end, start + Double(count) * rules.longest)
    }

    private var length: Double { end - start }

    /// The range in which each cut must lie, in seconds.
    package var windows: [ClosedRange<Double>] {
        guard count > 1 else { return [] }
        return (1..<count).map { number in
            let (before, after) = (Double(number), Double(count - number))
            let earliest = max(before * rules.shortest, length - after * rules.longest)
            let latest = min(before * rules.longest, length - after * rules.shortest)
            return start + min(earliest, latest)...start + max(earliest, latest)
        }
    }

    /// Cuts that make parts of equal length.
    package var evenCuts: [Double] {
        count > 1 ? (1..<count).map { start + length * Double($0) / Double(count) } : []
    }

    /// Chooses the cuts with the lowest total cost.
    /// - Parameters:
    ///   - candidates: Times at which to cut. Where none of them is suitable, another time in the window is used.
    ///   - snap: Maps a time to the first frame at or near it.
    package func cuts(at candidates: [CutCandidate], snap: (Double) -> Double = { $0 }) -> [CutCandidate] {
        let choices = zip(windows, evenCuts).map { self.choices(in: $0, even: $1, from: candidates, snap: snap) }
        let steps = cheapestSteps(through: choices)
        guard let last = choices.last, let lastSteps = steps.last else { return [] }
        var best = Step(cost: .infinity, previous: 0)
        for (index, step) in lastSteps.enumerated() {
            let total = step.cost + cost(of: end - last[index].time)
            if total < best.cost { best = Step(cost: total, previous: index) }
        }
        guard best.cost < .infinity else {
            return evenCuts.map { CutCandidate(time: snap($0), strength: 0, kind: .nothing) }
        }
        // Follow the steps back from the end of the footage.
        var cuts: [CutCandidate] = []
        for index in choices.indices.reversed() {
            cuts.append(choices[index][best.previous])
            best = steps[index][best.previous]
        }
        return cuts.reversed()
    }

    /// The cheapest sequence of cuts up to a choice: its cost, and the index of the choice before.
    private struct Step {
        var cost: Double
        var previous: Int
    }

    /// Dynamic programming: for each choice of each cut, the cheapest sequence that ends with it.
    private func cheapestSteps(through choices: [[CutCandidate]]) -> [[Step]] {
        var steps: [[Step]] = []
        for (index, row) in choices.enumerated() {
            guard index > 0 else {
                steps.append(row.map { Step(cost: $0.cost + cost(of: $0.time - start), previous: 0) })
                continue
            }
            steps.append(row.map { cheapestStep(to: $0, from: choices[index - 1], after: steps[index - 1]) })
        }
        return steps
    }

    private func cheapestStep(to choice: CutCandidate, from previous: [CutCandidate], after steps: [Step]) -> Step {
        var best = Step(cost: .infinity, previous: 0)
        for (index, step) in steps.enumerated() where step.cost < .infinity {
            let total = step.cost + choice.cost + cost(of: choice.time - previous[index].time)
            if total < best.cost { best = Step(cost: total, previous: index) }
        }
        return best
    }

    /// Cost of a part: grows with its deviation from the average length; infinite outside the limits.
    private func cost(of length: Double) -> Double {
        guard length <= rules.longest + frame + 1e-6, length >= rules.shortest - frame - 1e-6 else { return .infinity }
        let deviation = length * Double(count) / self.length - 1
        return SeriesPlan.balance * deviation * deviation
    }

    /// The times to try for one cut.
    private func choices(
        in window: ClosedRange<Double>, even: Double, from candidates: [CutCandidate], snap: (Double) -> Double
    ) -> [CutCandidate] {
        let near = candidates.filter { $0.time >= window.lowerBound - 1e-6 && $0.time <= window.upperBound + 1e-6 }
        let best = near.sorted { ($0.cost, $0.time) < ($1.cost, $1.time) }.prefix(SeriesPlan.maximumCandidates)
        let width = window.upperBound - window.lowerBound
        let step = width / Double(SeriesPlan.grid)
        let plain =
            (step > 0 ? (0...SeriesPlan.grid).map { window.lowerBound + Double($0) * step } : [window.lowerBound])
            + [min(max(even, window.lowerBound), window.upperBound)]
        return best + plain.map { CutCandidate(time: snap($0), strength: 0, kind: .nothing) }
    }
}
