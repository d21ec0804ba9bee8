/// A moment at which footage can be cut without anyone minding.
package struct CutCandidate: Sendable, Hashable {
    /// What makes it one.
    package enum Kind: Sendable, Hashable {
        /// The first frame of a new scene.
        case scene
        /// The middle of a silence of so many seconds, or a moment well within a long one.
        case silence(length: Double)
        /// The first frame of a new scene while it is silent.
        case quietScene
        /// A key frame: nothing that is seen or heard, but it need not be encoded.
        case keyFrame
        /// Nothing at all.
        case nothing
    }

    /// When, in the footage's own time, in seconds.
    package var time: Double
    /// How good a place it is, 0 … 1.
    package var strength: Double
    /// What makes it one.
    package var kind: Kind

    /// A candidate.
    package init(time: Double, strength: Double, kind: Kind) {
        self.time = time
        self.strength = strength
        self.kind = kind
    }

    /// Whether there is something to be seen or heard.
    package var isNatural: Bool {
        switch kind {
        case .scene, .silence, .quietScene: true
        case .keyFrame, .nothing: false
        }
    }

    /// What a cut there costs: any natural one is better than any other.
    var cost: Double {
        switch kind {
        case .scene, .silence, .quietScene: 1 - min(1, max(0, strength))
        case .keyFrame: 4
        case .nothing: 4.2
        }
    }

    /// Scenes and silences together: a new scene that begins in a silence is one candidate, and the best there is.
    package static func merged(scenes: [CutCandidate], silences: [Silence]) -> [CutCandidate] {
        var quiet: Set<Int> = []
        var merged = scenes.map { scene in
            guard let index = silences.firstIndex(where: { $0.range.contains(scene.time) }) else { return scene }
            quiet.insert(index)
            return CutCandidate(
                time: scene.time, strength: min(1, max(scene.strength, silences[index].strength) + 0.2),
                kind: .quietScene)
        }
        for (index, silence) in silences.enumerated() where !quiet.contains(index) { merged += silence.candidates }
        return merged.sorted { $0.time < $1.time }
    }
}

/// A time in which nothing is heard.
package struct Silence: Sendable, Hashable {
    /// From when to when, in the footage's own time, in seconds.
    package var range: ClosedRange<Double>

    /// A silence.
    package init(_ range: ClosedRange<Double>) { self.range = range }

    /// Its length in seconds.
    package var length: Double { range.upperBound - range.lowerBound }
    /// Longer ones are better places.
    var strength: Double { min(0.8, 0.3 + length * 0.5) }

    /// From this length on any moment a second away from the ends is as good as the middle.
    private static let long = 3.0

    /// Where to cut in it.
    package var candidates: [CutCandidate] {
        var times = [(range.lowerBound + range.upperBound) / 2]
        if length >= Silence.long {
            times += stride(from: range.lowerBound + 1, through: range.upperBound - 1, by: 0.5)
        }
        return times.map { CutCandidate(time: $0, strength: strength, kind: .silence(length: length)) }
    }
}
