/// The fixed limits of the delivery spec.
package enum DeliverySpec {
    /// Lowest allowed frame rate, which includes 24000/1001.
    package static let minimumFrameRate = 23.0
    /// Highest allowed frame rate.
    package static let maximumFrameRate = 60.0
    /// Smallest side in pixels.
    package static let minimumSide = 360
    /// Largest side in pixels.
    package static let maximumSide = 4096
    /// Longest allowed time between keyframes in seconds.
    package static let keyFrameInterval = 2.0
    /// Audio sample rate in Hz.
    package static let sampleRate = 48_000
    /// Lowest bit rate of audio that is copied, in bits per second.
    package static let minimumAudioBitRate: Int64 = 128_000
    /// The colour tags of every delivery.
    package static let colour = ColourTags(range: "tv", primaries: "bt709", transfer: "bt709", matrix: "bt709")

    /// Number of H.264 macroblocks in a frame.
    package static func macroblocks(width: Int, height: Int) -> Int { ((width + 15) / 16) * ((height + 15) / 16) }

    /// The lowest allowed H.264 level for this size and rate; nil if they exceed level 4.2.
    package static func level(width: Int, height: Int, frameRate: Double) -> H264Level? {
        let size = macroblocks(width: width, height: height)
        return H264Level.allowed.first {
            size <= $0.maximumMacroblocks && Double(size) * frameRate <= Double($0.maximumMacroblocksPerSecond) + 0.5
        }
    }
}
