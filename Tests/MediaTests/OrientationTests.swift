import Media
import Testing

@Suite struct OrientationTests {
    private let one: Int32 = 65_536

    private func orientation(_ a: Int32, _ b: Int32, _ c: Int32, _ d: Int32) -> Orientation {
        Orientation(displayMatrix: [a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30])
    }

    @Test func readsQuarterTurns() {
        #expect(orientation(1, 0, 0, 1) == .upright)
        #expect(orientation(0, 1, -1, 0) == Orientation(rotation: 90, mirrored: false))
        #expect(orientation(-1, 0, 0, -1) == Orientation(rotation: 180, mirrored: false))
        #expect(orientation(0, -1, 1, 0) == Orientation(rotation: 270, mirrored: false))
    }

    @Test func readsMirroring() {
        #expect(orientation(-1, 0, 0, 1) == Orientation(rotation: 0, mirrored: true))
        #expect(orientation(1, 0, 0, -1) == Orientation(rotation: 180, mirrored: true))
        // [0 1; 1 0] is a plain transposition, as FFmpeg's own players do it.
        #expect(orientation(0, 1, 1, 0).filters == ["transpose=cclock_flip"])
        #expect(orientation(0, -1, -1, 0).filters == ["transpose=clock_flip"])
    }

    @Test func takesNonsenseAsUpright() {
        #expect(orientation(0, 0, 0, 0) == .upright)
        #expect(Orientation(displayMatrix: []) == .upright)
    }
}
