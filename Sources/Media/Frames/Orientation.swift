import Foundation

/// Makes a stored frame upright: first rotate it clockwise, then mirror it left to right.
package struct Orientation: Sendable, Hashable {
    /// Clockwise rotation in degrees: 0, 90, 180 or 270.
    package var rotation: Int
    /// Whether to mirror the rotated frame left to right.
    package var mirrored: Bool

    /// No rotation and no mirroring.
    package static let upright = Orientation(rotation: 0, mirrored: false)

    package init(rotation: Int, mirrored: Bool) {
        self.rotation = rotation
        self.mirrored = mirrored
    }

    /// Reads a display matrix `[a b u  c d v  x y w]`, which takes a stored point (p, q) to (a·p + c·q, b·p + d·q),
    /// y pointing down. Rounds rotations to a multiple of 90°.
    package init(displayMatrix matrix: [Int32]) {
        guard matrix.count >= 5 else {
            self = .upright
            return
        }
        var (a, b, c) = (Double(matrix[0]), Double(matrix[1]), Double(matrix[3]))
        let d = Double(matrix[4])
        mirrored = a * d - b * c < 0
        if mirrored { (a, c) = (-a, -c) }
        // A matrix of zeros is invalid: ignore it.
        guard a != 0 || b != 0 || c != 0 || d != 0 else {
            self = .upright
            return
        }
        let quarterTurns = Int((atan2(b, a) / (Double.pi / 2)).rounded())
        rotation = ((quarterTurns % 4) + 4) % 4 * 90
    }

    /// The display matrix at `data`; nil if there are fewer than nine numbers.
    static func matrix(_ data: UnsafeRawPointer, bytes: Int) -> [Int32]? {
        guard bytes >= 9 * MemoryLayout<Int32>.size else { return nil }
        return (0..<9).map { data.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Int32>.size, as: Int32.self) }
    }

    /// Whether the rotation swaps width and height.
    package var swapsAxes: Bool { rotation == 90 || rotation == 270 }

    /// FFmpeg filters that make the stored frame upright; empty if it already is.
    package var filters: [String] {
        switch (rotation, mirrored) {
        case (90, false): ["transpose=clock"]
        case (90, true): ["transpose=cclock_flip"]
        case (180, false): ["hflip", "vflip"]
        case (180, true): ["vflip"]
        case (270, false): ["transpose=cclock"]
        case (270, true): ["transpose=clock_flip"]
        case (_, true): ["hflip"]
        default: []
        }
    }
}
