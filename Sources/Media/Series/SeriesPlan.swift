import Foundation
import PipelineKit

/// Where footage is cut into parts: as few as can be, at the best places, of lengths that are alike.
///
/// A pure computation: what may be cut where comes in.
package struct SeriesPlan: Sendable, Hashable {
    /// Limits of the parts.
    package struct Rules: Sendable, Hashable {
        /// The longest part in seconds.
        package var longest: Double
        /// The shortest part in seconds; at most half of the longest.
        package var shortest: Double

        /// Rules.
        package init(longest: Double, shortest: Double) {
            self.longest = longest
            self.shortest = min(shortest, longest / 2)
        }
    }

    /// Where the footage starts, in its own time, in seconds.
    package let start: Double
    /// Where the last part ends.
    package let end: Double
    /// The number of parts.
    package let count: Int
    private let rules: Rules
    private let frame: Double

    /// A tail that is no longer than this makes no part of its own: it is a sound that ends a moment after the picture.
    private static let tail = 0.05
    /// What unequal lengths cost beside the places of the cuts.
    private static let balance = 0.5
    /// Places in a window that are tried when there is nothing to be seen or heard.
    private static let grid = 24
    /// Places that are tried in a window at most.
    private static let most = 160

    /// The parts of footage from `start` to `end`.
    /// - Parameter frame: Length of a frame in seconds: a part may be longer by so much where frames leave no choice.
    package init(start: Double, end: Double, rules: Rules, frame: Double = 0) {
        self.start = start
        self.rules = rules
        self.frame = frame
        let length = max(0, end - start)
        count = max(1, Int(saturating: ((length - SeriesPlan.tail) / rules.longest).rounded(.up)))
        self.end = min(end, start + Double(count) * rules.longest)
    }

    private var length: Double { end - start }

    /// The times between which each cut has to lie, one for each cut.
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

    /// Chooses the cuts.
    /// - Parameters:
    ///   - candidates: Where it may be cut; where none of them will do, it is cut all the same.
    ///   - snap: The first frame at or near a time.
    package func cuts(
        at candidates: [CutCandidate], snap: (Double) -> Double = { $0 }
    ) -> [CutCandidate] {
        let places = zip(windows, evenCuts).map { self.places(in: $0, even: $1, candidates, snap) }
        // The cheapest way to each place, from that of the cut before.
        var ways: [[(cost: Double, previous: Int)]] = []
        for (index, row) in places.enumerated() {
            ways.append(
                row.map { place in
                    if index == 0 { return (place.cost + cost(of: place.time - start), 0) }
                    var best = (cost: Double.infinity, previous: 0)
                    for (number, way) in ways[index - 1].enumerated() where way.cost < .infinity {
                        let total = way.cost + place.cost + cost(of: place.time - places[index - 1][number].time)
                        if total < best.cost { best = (total, number) }
                    }
                    return best
                })
        }
        guard let last = places.last, let finish = ways.last else { return [] }
        var at = 0
        var least = Double.infinity
        for (number, way) in finish.enumerated() {
            let total = way.cost + cost(of: end - last[number].time)
            if total < least { (least, at) = (total, number) }
        }
        guard least < .infinity else {
            return evenCuts.map { CutCandidate(time: snap($0), strength: 0, kind: .nothing) }
        }
        var chosen: [CutCandidate] = []
        for index in places.indices.reversed() {
            chosen.append(places[index][at])
            at = ways[index][at].previous
        }
        return chosen.reversed()
    }

    /// What a part of this length costs: the farther from the others' the more; too long or too short is out.
    private func cost(of length: Double) -> Double {
        guard length <= rules.longest + frame + 1e-6, length >= rules.shortest - frame - 1e-6 else { return .infinity }
        let deviation = length * Double(count) / self.length - 1
        return SeriesPlan.balance * deviation * deviation
    }

    private func places(
        in window: ClosedRange<Double>, even: Double, _ candidates: [CutCandidate], _ snap: (Double) -> Double
    ) -> [CutCandidate] {
        let near = candidates.filter { $0.time >= window.lowerBound - 1e-6 && $0.time <= window.upperBound + 1e-6 }
        let best = near.sorted { ($0.cost, $0.time) < ($1.cost, $1.time) }.prefix(SeriesPlan.most)
        let width = window.upperBound - window.lowerBound
        let step = width / Double(SeriesPlan.grid)
        let plain =
            (step > 0 ? (0...SeriesPlan.grid).map { window.lowerBound + Double($0) * step } : [window.lowerBound])
            + [min(max(even, window.lowerBound), window.upperBound)]
        return best + plain.map { CutCandidate(time: snap($0), strength: 0, kind: .nothing) }
    }
}
