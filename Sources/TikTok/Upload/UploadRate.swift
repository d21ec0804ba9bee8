package import Foundation
package import PipelineKit

/// Decides whether an upload can finish in time at a measured rate.
package enum UploadRate {
    /// How long a measured rate stays valid, in seconds.
    package static let lifetime: TimeInterval = 3600

    /// Returns an error if a file can't be sent before its upload URL expires, at a rate measured by earlier uploads.
    package static func problem(bytes: Int64, atMeasured bytesPerSecond: Double) -> StageError? {
        let seconds = Double(bytes) / bytesPerSecond
        guard seconds > PendingUpload.urlLifetime - PendingUpload.margin else { return nil }
        return StageError(
            .unavailable,
            "at \(BitRate(Int64(bytesPerSecond * 8))), the rate of this machine's last uploads, \(ByteCount(bytes)) would take \(Duration.seconds(seconds).spoken), but TikTok's upload URL is valid for an hour; the upload was not started",
            hint:
                "use a faster connection (measured rates expire after \(Duration.seconds(lifetime).spoken)), or lower \"maxrate\" or \"maxSize\" of the transcode stage"
        )
    }

    /// Returns an error if an upload can't finish in the `left` seconds at its rate so far.
    static func problem(sent: Int64, in elapsed: TimeInterval, missing: Int64, left: TimeInterval) -> StageError? {
        // A shorter sample says too little about the line.
        guard elapsed >= 30, sent > 0 else { return nil }
        let rate = Double(sent) / elapsed
        guard Double(missing) / rate > left else { return nil }
        return StageError(
            .unavailable,
            "at \(BitRate(Int64(rate * 8))) the missing \(ByteCount(missing)) would take \(Duration.seconds(Double(missing) / rate).spoken), but the upload must finish within \(Duration.seconds(left).spoken)",
            hint: "use a faster connection, or lower \"maxrate\" or \"maxSize\" of the transcode stage")
    }
}
