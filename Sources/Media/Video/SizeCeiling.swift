import Foundation

/// Keeps a delivery below a file size, by lowering the video bit rate if the first attempt is too large.
package struct SizeCeiling: Sendable, Hashable {
    /// Largest allowed file size in bytes.
    package var limit: Int64
    /// Duration of the delivery in seconds.
    package var duration: Double
    /// Audio bit rate in bits per second.
    package var audioBitrate: Int64

    package init(limit: Int64, duration: Double, audioBitrate: Int64) {
        self.limit = limit
        self.duration = max(duration, 0.04)
        self.audioBitrate = audioBitrate
    }

    /// Share of the limit that is planned for; the container and the encoder's variation take the rest.
    private static let share = 0.97
    /// Below this many bits per pixel the video is not worth delivering.
    private static let leastBitsPerPixel = 0.004

    /// The rate control to try after `attempts` files were too large.
    /// - Returns: Nil if nothing watchable would fit.
    package func quality(attempts: Int, format: DeliveryDecision.Format) -> EncoderQuality? {
        guard attempts > 0 else { return .constant }
        let total = Double(limit) * 8 * Self.share / duration
        let rate = (total - Double(audioBitrate)) * pow(0.85, Double(attempts - 1))
        guard rate >= Double(format.width * format.height) * format.framesPerSecond * Self.leastBitsPerPixel else {
            return nil
        }
        return .average(Int64(rate))
    }
}
