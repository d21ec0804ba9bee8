import Foundation
import PipelineKit

/// Copies video packets, and audio packets if both are copied. Used by one thread.
final class PacketCopy {
    private let demuxer: Demuxer
    private let muxer: Muxer
    private let clock: VideoProgressClock
    private let video: Int
    private let start: Double
    private let cancellation: CancellationFlag
    private let progress: (Double) -> Void
    /// Stream indices in the delivery, by those in the source.
    private var outputs: [Int: Int] = [:]

    /// - Parameters:
    ///   - video: Index of the video stream.
    ///   - others: Indices of further streams to copy.
    ///   - start: Where the delivery starts, in seconds of the footage's timeline.
    init(
        demuxer: Demuxer, video: Int, others: [Int], start: Double, muxer: Muxer, clock: VideoProgressClock,
        cancellation: CancellationFlag, progress: @escaping (Double) -> Void
    ) throws(MediaError) {
        self.demuxer = demuxer
        self.muxer = muxer
        self.clock = clock
        self.video = video
        self.start = start
        self.cancellation = cancellation
        self.progress = progress
        for index in [video] + others {
            let output = try muxer.addStream(copying: index, of: demuxer)
            outputs[index] = output
            // Only video with these colours is copied, but the source's container may not declare them.
            if index == video { muxer.setColour(DeliverySpec.colour, stream: output) }
        }
        demuxer.keep([video] + others)
    }

    /// Copies until the end of the footage.
    func run() throws(MediaError) {
        let packet = try Packet()
        var end = 0.0
        while try demuxer.read(into: packet) {
            guard let output = outputs[packet.stream] else { continue }
            try cancellation.check("copying")
            let base = demuxer.timeBase(of: packet.stream)
            packet.shift(by: -ticks(start, base.av))
            if packet.stream == video {
                let time = packet.pts ?? packet.dts ?? 0
                end = max(end, Double(time + packet.duration) * (base.value ?? 0))
                clock.advance(to: end)
                progress(end)
            }
            try muxer.write(packet, stream: output, timeBase: base)
        }
        clock.finish(at: end)
    }
}

/// Copies audio packets while the video is encoded or cut. Used by one thread.
final class AudioPacketCopy {
    private let demuxer: Demuxer
    private let muxer: Muxer
    private let clock: VideoProgressClock
    private let stream: Int
    private let output: Int
    private let start: Double

    /// Samples that an AAC decoder needs before the first audible one.
    private static let priming = 1024

    /// - Parameter start: Where the delivery starts, in seconds of the footage's timeline.
    init(
        demuxer: Demuxer, stream: Int, start: Double, muxer: Muxer, clock: VideoProgressClock
    ) throws(MediaError) {
        self.demuxer = demuxer
        self.muxer = muxer
        self.clock = clock
        self.stream = stream
        self.start = start
        output = try muxer.addStream(copying: stream, of: demuxer)
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
            if let last = try clock.wait(for: end), end > last + 0.001 { break }
            try muxer.write(packet, stream: output, timeBase: base)
        }
    }
}
