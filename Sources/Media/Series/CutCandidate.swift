/// A time at which footage can be cut, and how noticeable the cut would be.
package struct CutCandidate: Sendable, Hashable {
    /// What makes a time a candidate.
    package enum Kind: Sendable, Hashable {
        /// The first frame of a new scene.
        case scene
        /// The middle of a silence of `length` seconds, or a time well within a long one.
        case silence(length: Double)
        /// The first frame of a new scene during a silence.
        case quietScene
        /// A keyframe: not a natural place, but a cut there needs no encoding.
        case keyFrame
        /// A time without any of these.
        case nothing
    }

    /// Time in seconds on the footage's own timeline.
    package var time: Double
    /// How suitable the time is, 0 … 1.
    package var strength: Double
    package var kind: Kind

    package init(time: Double, strength: Double, kind: Kind) {
        self.time = time
        self.strength = strength
        self.kind = kind
    }

    /// Whether a new scene or a silence hides the cut.
    package var isNatural: Bool {
        switch kind {
        case .scene, .silence, .quietScene: true
        case .keyFrame, .nothing: false
        }
    }

    /// Cost of a cut here. Every natural cut is cheaper than every other one.
    var cost: Double {
        switch kind {
        case .scene, .silence, .quietScene: 1 - min(1, max(0, strength))
        case .keyFrame: 4
        case .nothing: 4.2
        }
    }

    /// Merges scenes and silences. A new scene that begins in a silence becomes a single, stronger candidate.
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
