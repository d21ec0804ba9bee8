import PipelineKit

/// Closes jumps in the timestamps of broadcast streams, which start anew when a programme or a recorder does.
///
/// All streams of a file jump together, so one offset serves them all. Formats whose timestamps mean what they say
/// are left alone: a long pause in an MP4 is a long pause.
struct TimelineMender {
    /// Steps beyond this many seconds, in either direction, are no pause but a new clock.
    private static let threshold = 10.0

    /// Seconds added to every time.
    private var offset = 0.0
    /// Where each stream's last packet ends, in seconds, as mended.
    private var ends: [Int: Double] = [:]

    /// Mends one packet.
    mutating func mend(_ packet: Packet, timeBase: Rational) {
        guard let unit = timeBase.value, unit > 0, let raw = packet.dts ?? packet.pts else { return }
        var time = Double(raw) * unit + offset
        if let end = ends[packet.stream], abs(time - end) > TimelineMender.threshold {
            offset -= time - end
            time = end
        }
        ends[packet.stream] = time + Double(packet.duration) * unit
        if offset != 0 { packet.shift(by: ticks(offset, timeBase.av)) }
    }
}
