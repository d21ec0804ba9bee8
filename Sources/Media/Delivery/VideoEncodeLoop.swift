import Foundation
import PipelineKit

/// Encodes finished frames and writes the packets. Used by one thread.
final class VideoEncodeLoop {
    private let encoder: Encoder
    private let muxer: Muxer
    private let stream: Int
    private let input: BoundedQueue<Frame>
    private let clock: VideoProgressClock
    private let frameRate: Double
    private let byteLimit: Int64
    private let progress: (Int) -> Void

    /// Frames sent to the encoder.
    private(set) var frames = 0

    /// - Parameters:
    ///   - byteLimit: Largest allowed file size in bytes.
    ///   - progress: Called with the number of frames encoded so far.
    init(
        _ settings: Encoder.VideoSettings, muxer: Muxer, input: BoundedQueue<Frame>, clock: VideoProgressClock,
        byteLimit: Int64,
        log: MediaLog, progress: @escaping (Int) -> Void
    ) throws(MediaError) {
        self.muxer = muxer
        self.input = input
        self.clock = clock
        self.byteLimit = byteLimit
        self.progress = progress
        frameRate = settings.frameRate.value ?? 30
        encoder = try Encoder(settings, globalHeader: muxer.wantsGlobalHeader, log: log)
        stream = try muxer.addStream(from: encoder)
    }

    /// Encodes until there are no more frames.
    /// - Throws: `DeliveryJob.tooLarge` as soon as the file exceeds `byteLimit`.
    func run() throws(MediaError) {
        defer { input.stop() }
        let encoded = try Packet()
        while let frame = input.take() {
            try encoder.send(frame)
            frames += 1
            try drain(encoded)
            clock.advance(to: Double(frames) / frameRate)
            progress(frames)
        }
        if input.isStopped { return }
        try encoder.send(nil)
        try drain(encoded)
        clock.finish(at: Double(frames) / frameRate)
    }

    private func drain(_ packet: Packet) throws(MediaError) {
        while try encoder.receive(into: packet) {
            try muxer.write(packet, stream: stream, timeBase: encoder.timeBase)
            if muxer.bytesWritten > byteLimit { throw DeliveryJob.tooLarge }
        }
    }
}
