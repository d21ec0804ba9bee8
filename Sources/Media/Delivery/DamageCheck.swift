import Foundation
import PipelineKit

/// Decodes the pictures that would be copied, to see how many are damaged: copying alone never looks at them.
enum DamageCheck {
    /// What was found.
    struct Tally: Equatable {
        var decoded = 0
        var damaged = 0
        var refused = 0

        /// Share of the pictures that are lost or damaged.
        var share: Double { Double(damaged + refused) / Double(max(1, decoded + refused)) }
    }

    /// Decodes the part of the picture that `decision` delivers.
    /// - Throws: `MediaError` when reading fails or is cancelled.
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
            try source.cancellation.check("looking for damage")
            isOver = try !demuxer.read(into: packet)
            if !isOver, packet.stream != track.index { continue }
            // Decoding order: what comes later may be shown earlier, by no more than a group of pictures.
            if let time = packet.dts, !isOver, time > end { isOver = true }
            try decoder.send(isOver ? nil : packet)
            while try decoder.receive(into: frame) {}
        }
        return Tally(decoded: decoder.frames, damaged: decoder.damagedFrames, refused: decoder.refusedPackets)
    }
}
