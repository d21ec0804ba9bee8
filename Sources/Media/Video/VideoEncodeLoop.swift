import Foundation
import PipelineKit

/// Encodes finished frames and writes the packets. Used by one thread.
final class VideoEncodeLoop {
    private let encoder: Encoder
    private let input: BoundedQueue<Frame>
    private let output: OutputFile
    private let stream: Int
    private let frameRate: Double
    private let byteLimit: Int64
    private let progress: (Int) -> Void

    /// Frames sent to the encoder.
    private(set) var frames = 0

    /// - Parameters:
    ///   - byteLimit: Largest allowed file size in bytes.
    ///   - progress: Called with the number of frames encoded so far.
    init(
        _ settings: Encoder.VideoSettings, input: BoundedQueue<Frame>, output: OutputFile, byteLimit: Int64,
        log: MediaLog, progress: @escaping (Int) -> Void
    ) throws(MediaError) {
        self.input = input
        self.output = output
        self.byteLimit = byteLimit
        self.progress = progress
        frameRate = settings.frameRate.value ?? 30
        encoder = try Encoder(settings, globalHeader: output.muxer.wantsGlobalHeader, log: log)
        stream = try output.muxer.addStream(from: encoder)
    }

    /// Encodes until there are no more frames.
    /// - Throws: `MediaError.tooLarge` as soon as the file exceeds `byteLimit`.
    func run() throws(MediaError) {
        defer { input.stop() }
        let encoded = try Packet()
        while let frame = input.take() {
            try encoder.send(frame)
            frames += 1
            try drain(encoded)
            output.clock.advance(to: Double(frames) / frameRate)
            progress(frames)
        }
        if input.isStopped { return }
        try encoder.send(nil)
        try drain(encoded)
        output.clock.finish(at: Double(frames) / frameRate)
    }

    private func drain(_ packet: Packet) throws(MediaError) {
        while try encoder.receive(into: packet) {
            try output.muxer.write(packet, stream: stream, timeBase: encoder.timeBase)
            if output.muxer.bytesWritten > byteLimit { throw .tooLarge }
        }
    }
}

extension MediaError {
    /// The error that ends an attempt whose file exceeds the size limit.
    static let tooLarge = MediaError("writing", text: "more bytes than allowed")
}
