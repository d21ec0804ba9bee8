import Foundation
import PipelineKit

/// Decodes video that would be copied, to count damaged frames, which copying alone does not detect.
enum DamageCheck {
    /// Counts of decoded frames, of damaged ones among them, and of packets that could not be decoded.
    struct Tally: Equatable {
        var decoded = 0
        var damaged = 0
        var refused = 0

        /// Percentage of frames that are lost or damaged, 0 … 1.
        var share: Double { Double(damaged + refused) / Double(max(1, decoded + refused)) }
    }

    /// Decodes the part of the video that `decision` delivers.
    /// - Throws: `MediaError` if reading fails or is cancelled.
    static func run(
        _ source: FootageSource, track: VideoTrack, decision: DeliveryDecision
    ) throws(MediaError) -> Tally {
        let demuxer = try source.demuxer(keeping: track.index, from: decision.start)
        let decoder = try Decoder(
            stream: track.index, of: demuxer, log: source.log, threads: Processors.decoderThreads(for: track))
        let end = ticks(decision.start + decision.duration, demuxer.timeBase(of: track.index).av)
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
        return Tally(decoded: decoder.frames, damaged: decoder.damagedFrames, refused: decoder.refusedPackets)
    }
}
