import CFFmpeg

/// Buffers planar float samples between a filter that outputs blocks of any size and an encoder that needs blocks of a
/// fixed size.
package final class SampleQueue {
    private let pointer: OpaquePointer
    private let sampleRate: Int
    private let channels: Int

    package init(sampleRate: Int, channels: Int) throws(MediaError) {
        guard let fifo = av_audio_fifo_alloc(AV_SAMPLE_FMT_FLTP, Int32(channels), 4096) else {
            throw MediaError("allocating a sample queue", number: spreader_error_posix(ENOMEM))
        }
        pointer = fifo
        self.sampleRate = sampleRate
        self.channels = channels
    }

    deinit { av_audio_fifo_free(pointer) }

    /// Number of queued samples per channel.
    package var count: Int { Int(av_audio_fifo_size(pointer)) }

    /// Appends the samples of a planar float frame.
    package func append(_ frame: Frame) throws(MediaError) {
        let samples = frame.pointer.pointee.nb_samples
        let status = frame.pointer.pointee.extended_data.withMemoryRebound(
            to: UnsafeMutableRawPointer?.self, capacity: channels
        ) { av_audio_fifo_write(pointer, $0, samples) }
        try check(status, "queueing audio samples")
    }

    /// Removes `samples` samples per channel; if fewer are queued, the rest is silence.
    package func take(_ samples: Int) throws(MediaError) -> Frame {
        let frame = try Frame(silence: samples, sampleRate: sampleRate, channels: channels)
        let present = min(samples, count)
        guard present > 0 else { return frame }
        let status = frame.pointer.pointee.extended_data.withMemoryRebound(
            to: UnsafeMutableRawPointer?.self, capacity: channels
        ) { av_audio_fifo_read(pointer, $0, Int32(present)) }
        try check(status, "queueing audio samples")
        return frame
    }
}
