import PipelineKit

/// Removes jumps in the timestamps of broadcast streams, whose clock restarts with a new programme or recording.
///
/// All streams of a file jump together, so they share one offset, except for packets of the old clock that lie among
/// those of the new one. Use it only for formats that allow discontinuities: a long pause in an MP4 is a pause.
struct TimestampDiscontinuityFixer {
    /// Steps forward of more than this many seconds are a new clock, not a pause.
    private static let forward = 10.0
    /// DTS of one stream never goes back; a step back of more than this many seconds is a new clock, not rounding.
    private static let backward = 0.5
    /// How close to its stream's end a packet of the old clock must be, in seconds.
    private static let nearness = 1.0

    /// Seconds added to every timestamp of the current clock, and of the previous one.
    private var offset = 0.0
    private var previousOffset: Double?
    /// Where each stream's last packet ends, in corrected seconds.
    private var ends: [Int: Double] = [:]

    /// Corrects the timestamps of one packet.
    mutating func fix(_ packet: Packet, timeBase: Rational) {
        guard let unit = timeBase.value, unit > 0, let raw = packet.dts ?? packet.pts else { return }
        let time = Double(raw) * unit
        let own =
            ends[packet.stream].map { currentOffset(at: time, after: $0, isDecodingTime: packet.dts != nil) } ?? offset
        ends[packet.stream] = time + own + Double(packet.duration) * unit
        if own != 0 { packet.shift(by: ticks(own, timeBase.av)) }
    }

    /// The offset for `time` in a stream whose last packet ended at `end`; records a new offset if the clock jumped.
    private mutating func currentOffset(at time: Double, after end: Double, isDecodingTime: Bool) -> Double {
        let step = time + offset - end
        if let previousOffset {
            let oldStep = abs(time + previousOffset - end)
            if oldStep < abs(step), oldStep < Self.nearness { return previousOffset }
        }
        let goesBack = step < -(isDecodingTime ? Self.backward : Self.forward)
        guard goesBack || step > Self.forward else { return offset }
        previousOffset = offset
        offset -= step
        return offset
    }
}
