import Foundation
import PipelineKit

/// Encodes finished frames and writes them. Used by one thread.
final class PictureEncoding {
    private let encoder: Encoder
    private let muxer: Muxer
    private let stream: Int
    private let input: HandOff<Frame>
    private let clock: PictureClock
    private let frameRate: Double
    private let byteLimit: Int64
    private let progress: (Int) -> Void

    /// Frames given to the encoder.
    private(set) var frames = 0

    /// - Parameters:
    ///   - byteLimit: Bytes that the file may have.
    ///   - progress: Told how many frames were encoded.
    init(
        _ picture: Encoder.Picture, muxer: Muxer, input: HandOff<Frame>, clock: PictureClock, byteLimit: Int64,
        log: MediaLog, progress: @escaping (Int) -> Void
    ) throws(MediaError) {
        self.muxer = muxer
        self.input = input
        self.clock = clock
        self.byteLimit = byteLimit
        self.progress = progress
        frameRate = picture.frameRate.value ?? 30
        encoder = try Encoder(picture, globalHeader: muxer.wantsGlobalHeader, log: log)
        stream = try muxer.addStream(from: encoder)
    }

    /// Encodes until there are no more frames.
    /// - Throws: `DeliveryJob.tooLarge` as soon as the file has more bytes than it may have.
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
