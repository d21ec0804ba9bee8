import PipelineKit

/// Decodes video that would be copied, to count damaged frames, which copying alone does not detect.
enum DamageCheck {
    /// Decodes the part of the video that `task` delivers.
    /// - Throws: `MediaError` if reading fails or is cancelled.
    static func run(_ task: DeliveryTask) throws(MediaError) -> DecodeStatistics {
        let (source, track, excerpt) = (task.source, task.track, task.decision.excerpt)
        let demuxer = try source.demuxer(keeping: track.index, from: excerpt.start)
        let decoder = try Decoder(
            stream: track.index, of: demuxer, log: source.log, threads: Decoder.threads(for: track))
        let end = ticks(excerpt.start + excerpt.duration, demuxer.timeBase(of: track.index).av)
        let (packet, frame) = (try Packet(), try Frame())
        var isOver = false
        while !isOver {
            try source.cancellation.check("checking for damage")
            isOver = try !demuxer.read(into: packet)
            if !isOver, packet.stream != track.index { continue }
            // DTS never exceeds PTS, so all further packets are shown after the end.
            if let time = packet.dts, !isOver, time > end { isOver = true }
            try decoder.send(isOver ? nil : packet)
            while try decoder.receive(into: frame) {}
        }
        return decoder.statistics
    }
}
