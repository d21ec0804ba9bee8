/// The fixed numbers of the delivery spec.
package enum DeliverySpec {
    /// Slowest allowed rate, 24000/1001 included.
    package static let minimumFrameRate = 23.0
    /// Fastest allowed rate.
    package static let maximumFrameRate = 60.0
    /// Smallest side in pixels.
    package static let minimumSide = 360
    /// Largest side in pixels.
    package static let maximumSide = 4096
    /// Seconds between key frames at most.
    package static let keyFrameInterval = 2.0
    /// Samples per second of the sound.
    package static let sampleRate = 48_000
    /// Least bit rate of sound that is copied.
    package static let minimumAudioBitRate: Int64 = 128_000
    /// What every delivery says of its colours.
    package static let colour = ColourTags(range: "tv", primaries: "bt709", transfer: "bt709", matrix: "bt709")

    /// Macroblocks of a picture.
    package static func macroblocks(width: Int, height: Int) -> Int { ((width + 15) / 16) * ((height + 15) / 16) }

    /// The lowest allowed H.264 level that holds the picture and its rate; nil when it needs more than 4.2.
    package static func level(width: Int, height: Int, frameRate: Double) -> H264Level? {
        let size = macroblocks(width: width, height: height)
        return H264Level.allowed.first {
            size <= $0.maximumMacroblocks && Double(size) * frameRate <= Double($0.maximumMacroblocksPerSecond) + 0.5
        }
    }
}

/// A level of H.264: how much a decoder must be able to hold and do (ITU-T H.264, table A-1).
package struct H264Level: Sendable, Hashable {
    /// As x264 writes it.
    package let name: String
    /// Largest picture.
    package let maximumMacroblocks: Int
    /// Fastest decoding.
    package let maximumMacroblocksPerSecond: Int
    /// Decoded pictures kept.
    package let maximumBufferedMacroblocks: Int

    static let allowed = [
        H264Level(
            name: "4.0", maximumMacroblocks: 8192, maximumMacroblocksPerSecond: 245_760,
            maximumBufferedMacroblocks: 32_768),
        H264Level(
            name: "4.2", maximumMacroblocks: 8704, maximumMacroblocksPerSecond: 522_240,
            maximumBufferedMacroblocks: 34_816),
    ]

    /// Reference frames that fit.
    package func referenceFrames(width: Int, height: Int) -> Int {
        max(1, min(16, maximumBufferedMacroblocks / max(1, DeliverySpec.macroblocks(width: width, height: height))))
    }
}
