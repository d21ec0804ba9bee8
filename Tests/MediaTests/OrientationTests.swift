import Media
import Testing

@Suite struct OrientationTests {
    private let one: Int32 = 65_536

    /// - Parameter matrix: `a`, `b`, `c` and `d` of the display matrix, in units.
    private func orientation(_ matrix: [Int32]) -> Orientation {
        let scaled = matrix.map { $0 * one }
        return Orientation(displayMatrix: [scaled[0], scaled[1], 0, scaled[2], scaled[3], 0, 0, 0, 1 << 30])
    }

    @Test func readsQuarterTurns() {
        #expect(orientation([1, 0, 0, 1]) == .upright)
        #expect(orientation([0, 1, -1, 0]) == Orientation(rotation: 90, mirrored: false))
        #expect(orientation([-1, 0, 0, -1]) == Orientation(rotation: 180, mirrored: false))
        #expect(orientation([0, -1, 1, 0]) == Orientation(rotation: 270, mirrored: false))
    }

    @Test func readsMirroring() {
        #expect(orientation([-1, 0, 0, 1]) == Orientation(rotation: 0, mirrored: true))
        #expect(orientation([1, 0, 0, -1]) == Orientation(rotation: 180, mirrored: true))
        // [0 1; 1 0] is a plain transposition, as FFmpeg's own players do it.
        #expect(orientation([0, 1, 1, 0]).filters == ["transpose=cclock_flip"])
        #expect(orientation([0, -1, -1, 0]).filters == ["transpose=clock_flip"])
    }

    @Test func takesNonsenseAsUpright() {
        #expect(orientation([0, 0, 0, 0]) == .upright)
        #expect(Orientation(displayMatrix: []) == .upright)
    }
}
