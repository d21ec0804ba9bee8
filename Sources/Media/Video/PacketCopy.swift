import Foundation
import PipelineKit

/// Copies video packets, and audio packets if both are copied. Used by one thread.
final class PacketCopy {
    private let demuxer: Demuxer
    private let output: OutputFile
    private let video: Int
    private let start: Double
    private let cancellation: CancellationFlag
    private let progress: (Double) -> Void
    /// Stream indices in the delivery, by those in the source.
    private var outputStreams: [Int: Int] = [:]

    /// - Parameter progress: Called with the seconds of video copied so far.
    init(_ task: DeliveryTask, output: OutputFile, progress: @escaping (Double) -> Void) throws(MediaError) {
        demuxer = try task.source.demuxer(needsStreamInfo: false)
        self.output = output
        video = task.track.index
        start = task.decision.excerpt.start
        cancellation = task.source.cancellation
        self.progress = progress
        let audio = task.decision.audio == .copy ? task.decision.audioStream : nil
        let streams = [video, audio].compactMap(\.self)
        for index in streams {
            let stream = try output.muxer.addStream(copying: index, of: demuxer)
            outputStreams[index] = stream
            // Only video with these colours is copied, but the source's container may not declare them.
            if index == video { output.muxer.setColour(DeliverySpec.colour, stream: stream) }
        }
        demuxer.keep(streams)
    }

    /// Copies until the end of the footage.
    func run() throws(MediaError) {
        let packet = try Packet()
        var end = 0.0
        while try demuxer.read(into: packet) {
            guard let stream = outputStreams[packet.stream] else { continue }
            try cancellation.check("copying")
            let base = demuxer.timeBase(of: packet.stream)
            packet.shift(by: -ticks(start, base.av))
            if packet.stream == video {
                let time = packet.pts ?? packet.dts ?? 0
                end = max(end, Double(time + packet.duration) * (base.value ?? 0))
                output.clock.advance(to: end)
                progress(end)
            }
            try output.muxer.write(packet, stream: stream, timeBase: base)
        }
        output.clock.finish(at: end)
    }
}
