/// A deterministic random number generator (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// The generator of one case, which does not depend on the cases before it.
    init(seed: UInt64, caseNumber: Int) {
        state = seed &* 0x1_0000_0001 ^ UInt64(caseNumber) &* 0x9E37_79B9
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
