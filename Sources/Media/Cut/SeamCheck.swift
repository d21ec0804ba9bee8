import Foundation
import PipelineKit

/// Decodes a cut file around its joints, to verify that its frames are complete.
enum SeamCheck {
    /// - Throws: `MediaError` if a frame is missing or damaged.
    static func run(_ path: String, plan: CutPlan, cancellation: CancellationFlag, log: MediaLog) throws(MediaError) {
        let rate = plan.frameRate.value ?? 30
        let margin = Int((DeliverySpec.keyFrameInterval * rate).rounded(.up)) + 1
        let head = plan.copyStart - plan.first
        let tail = plan.copyEnd - plan.first
        if plan.copyStart > plan.first {
            try decode(path, from: 0, to: min(plan.count, head + margin), rate, cancellation, log)
        }
        if plan.end > plan.copyEnd {
            try decode(path, from: max(0, tail - margin), to: plan.count, rate, cancellation, log)
        }
    }

    /// Decodes whole GOPs, from the one that contains frame `first` to at least frame `end`.
    private static func decode(
        _ path: String, from first: Int, to end: Int, _ rate: Double, _ cancellation: CancellationFlag, _ log: MediaLog
    ) throws(MediaError) {
        let demuxer = try Demuxer(path: path, log: log, cancellation: cancellation)
        demuxer.keep([0])
        let decoder = try Decoder(stream: 0, of: demuxer, log: log)
        if first > 0, !demuxer.seek(stream: 0, to: Double(first) / rate) {
            throw MediaError("checking the cut", text: "seeking in the file failed", file: path)
        }
        let unit = demuxer.timeBase(of: 0).value ?? 0
        let packet = try Packet()
        let frame = try Frame()
        var seen = Set<Int>()
        var isDone = false
        func drain() throws(MediaError) {
            while try decoder.receive(into: frame) {
                if let time = frame.time { seen.insert(Int(saturating: (Double(time) * unit * rate).rounded())) }
            }
        }
        while !isDone, try demuxer.read(into: packet) {
            guard packet.stream == 0 else { continue }
            if packet.isKey, let time = packet.pts, Double(time) * unit * rate >= Double(end) - 0.5 { isDone = true }
            if isDone { break }
            try decoder.send(packet)
            try drain()
        }
        try decoder.send(nil)
        try drain()
        let missing = (first..<end).filter { !seen.contains($0) }.count
        guard missing == 0, decoder.refusedPackets == 0, decoder.damagedFrames == 0 else {
            throw MediaError(
                "checking the cut",
                text: "of frames \(first) to \(end), \(missing) are missing and \(decoder.damagedFrames) damaged; "
                    + "\(decoder.refusedPackets) packets can't be decoded", file: path, log: log)
        }
    }
}
