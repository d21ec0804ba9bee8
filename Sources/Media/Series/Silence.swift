/// A silent part of the footage.
package struct Silence: Sendable, Hashable {
    /// Start and end in seconds on the footage's own timeline.
    package var range: ClosedRange<Double>

    package init(_ range: ClosedRange<Double>) { self.range = range }

    /// Length of the silence in seconds.
    package var length: Double { range.upperBound - range.lowerBound }
    /// How suitable the silence is for a cut: longer ones are better.
    var strength: Double { min(0.8, 0.3 + length * 0.5) }

    /// From this length in seconds, any time at least a second from both ends is as good as the middle.
    private static let long = 3.0

    /// The times at which to cut in the silence.
    package var candidates: [CutCandidate] {
        var times = [(range.lowerBound + range.upperBound) / 2]
        if length >= Silence.long {
            times += stride(from: range.lowerBound + 1, through: range.upperBound - 1, by: 0.5)
        }
        return times.map { CutCandidate(time: $0, strength: strength, kind: .silence(length: length)) }
    }
}
