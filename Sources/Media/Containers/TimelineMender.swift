import PipelineKit

/// Closes jumps in the timestamps of broadcast streams, which start anew when a programme or a recorder does.
///
/// All streams of a file jump together, so one offset serves them all, save for packets of the old clock that lie among
/// those of the new one. Formats whose timestamps mean what they say are left alone: a long pause in an MP4 is a long
/// pause.
struct TimelineMender {
    /// Steps forward beyond this many seconds are no pause but a new clock.
    private static let forward = 10.0
    /// Decoding times of one stream never go back; beyond this many seconds it is no rounding but a new clock.
    private static let backward = 0.5
    /// How close to its stream's end a packet of the old clock has to be.
    private static let nearness = 1.0

    /// Seconds added to every time of the present clock, and of the one before.
    private var offset = 0.0
    private var previousOffset: Double?
    /// Where each stream's last packet ends, in seconds, as mended.
    private var ends: [Int: Double] = [:]

    /// Mends one packet.
    mutating func mend(_ packet: Packet, timeBase: Rational) {
        guard let unit = timeBase.value, unit > 0, let raw = packet.dts ?? packet.pts else { return }
        let time = Double(raw) * unit
        let own = ends[packet.stream].map { place(time, after: $0, isDecodingTime: packet.dts != nil) } ?? offset
        ends[packet.stream] = time + own + Double(packet.duration) * unit
        if own != 0 { packet.shift(by: ticks(own, timeBase.av)) }
    }

    /// The offset that puts `time` where it belongs in a stream that went as far as `end`.
    private mutating func place(_ time: Double, after end: Double, isDecodingTime: Bool) -> Double {
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
