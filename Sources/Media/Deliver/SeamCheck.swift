import Foundation
import PipelineKit

/// Decodes a cut file around its joints, to verify that its frames are complete.
struct SeamCheck {
    let path: String
    let plan: CutPlan
    let cancellation: CancellationFlag
    let log: MediaLog

    private var framesPerSecond: Double { plan.frameRate.value ?? 30 }

    /// - Throws: `MediaError` if a frame is missing or damaged.
    func run() throws(MediaError) {
        let margin = Int((DeliverySpec.keyFrameInterval * framesPerSecond).rounded(.up)) + 1
        let head = plan.copyStart - plan.first
        let tail = plan.copyEnd - plan.first
        if head > 0 { try decode(frames: 0..<min(plan.count, head + margin)) }
        if plan.end > plan.copyEnd { try decode(frames: max(0, tail - margin)..<plan.count) }
    }

    /// Decodes whole GOPs, from the one that contains the first of `frames` to at least the last.
    private func decode(frames: Range<Int>) throws(MediaError) {
        let demuxer = try Demuxer(path: path, log: log, cancellation: cancellation)
        demuxer.keep([0])
        let decoder = try Decoder(stream: 0, of: demuxer, log: log)
        if frames.lowerBound > 0, !demuxer.seek(stream: 0, to: Double(frames.lowerBound) / framesPerSecond) {
            throw MediaError("checking the cut", text: "seeking in the file failed", file: path)
        }
        let unit = demuxer.timeBase(of: 0).value ?? 0
        let packet = try Packet()
        let frame = try Frame()
        var decoded = Set<Int>()
        func drain() throws(MediaError) {
            while try decoder.receive(into: frame) {
                guard let time = frame.time else { continue }
                decoded.insert(Int(saturating: (Double(time) * unit * framesPerSecond).rounded()))
            }
        }
        while try demuxer.read(into: packet) {
            guard packet.stream == 0 else { continue }
            if packet.isKey, let time = packet.pts,
                Double(time) * unit * framesPerSecond >= Double(frames.upperBound) - 0.5
            {
                break
            }
            try decoder.send(packet)
            try drain()
        }
        try decoder.send(nil)
        try drain()
        let missing = frames.count { !decoded.contains($0) }
        let statistics = decoder.statistics
        guard missing == 0, statistics.refusedPackets == 0, statistics.damagedFrames == 0 else {
            throw MediaError(
                "checking the cut",
                text: "of frames \(frames.lowerBound) to \(frames.upperBound), \(missing) are missing and "
                    + "\(statistics.damagedFrames) damaged; \(statistics.refusedPackets) packets can't be decoded",
                file: path, log: log)
        }
    }
}
