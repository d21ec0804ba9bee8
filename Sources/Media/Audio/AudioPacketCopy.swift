import Foundation
import PipelineKit

/// Copies audio packets while the video is encoded or cut. Used by one thread.
final class AudioPacketCopy {
    private let demuxer: Demuxer
    private let output: OutputFile
    private let stream: Int
    private let outputStream: Int
    private let start: Double

    /// Samples that an AAC decoder needs before the first audible one.
    private static let priming = 1024

    init(_ task: DeliveryTask, stream: Int, output: OutputFile) throws(MediaError) {
        start = task.decision.excerpt.start
        demuxer = try task.source.demuxer(keeping: stream, from: start - 1)
        self.stream = stream
        self.output = output
        outputStream = try output.muxer.addStream(copying: stream, of: demuxer)
    }

    /// Copies until the end of the video. The start is exact even inside a packet: the edit list, which declares the
    /// priming, also hides the part of the first packet before the cut.
    func run() throws(MediaError) {
        let packet = try Packet()
        let base = demuxer.timeBase(of: stream)
        let unit = base.value ?? 0
        let earliest = -Double(AudioPacketCopy.priming) / Double(DeliverySpec.sampleRate)
        while try demuxer.read(into: packet) {
            guard packet.stream == stream else { continue }
            packet.shift(by: -ticks(start, base.av))
            guard let time = packet.pts ?? packet.dts else { continue }
            let end = Double(time + packet.duration) * unit
            if end <= earliest { continue }
            // A packet that extends beyond the end of the video would make the file too long.
            if let last = try output.clock.wait(for: end), end > last + 0.001 { break }
            try output.muxer.write(packet, stream: outputStream, timeBase: base)
        }
    }
}
