/// How much of a stream a decoder decoded, and how much was damaged.
package struct DecodeStatistics: Sendable, Hashable {
    /// Decoded frames, including damaged ones.
    package var frames = 0
    /// Frames that the decoder reported as damaged.
    package var damagedFrames = 0
    /// Packets that could not be decoded.
    package var refusedPackets = 0

    /// Share of the stream that is lost or damaged, 0 … 1.
    var lostShare: Double {
        Double(damagedFrames + refusedPackets) / Double(max(1, frames + refusedPackets))
    }
}
