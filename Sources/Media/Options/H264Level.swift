/// A level of H.264, which limits what a decoder must store and process (ITU-T H.264, table A-1).
package struct H264Level: Sendable, Hashable {
    /// The name that x264 uses, such as `4.2`.
    package let name: String
    /// Largest frame in macroblocks.
    package let maximumMacroblocks: Int
    package let maximumMacroblocksPerSecond: Int
    /// Size of the decoded picture buffer in macroblocks.
    package let maximumBufferedMacroblocks: Int

    static let allowed = [
        H264Level(
            name: "4.0", maximumMacroblocks: 8192, maximumMacroblocksPerSecond: 245_760,
            maximumBufferedMacroblocks: 32_768),
        H264Level(
            name: "4.2", maximumMacroblocks: 8704, maximumMacroblocksPerSecond: 522_240,
            maximumBufferedMacroblocks: 34_816),
    ]

    /// Number of reference frames of this size that the level allows.
    package func referenceFrames(width: Int, height: Int) -> Int {
        max(1, min(16, maximumBufferedMacroblocks / max(1, DeliverySpec.macroblocks(width: width, height: height))))
    }
}
