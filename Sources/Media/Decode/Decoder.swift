import CFFmpeg

/// Decodes the packets of one stream. Owns the codec context.
package final class Decoder {
    private let pointer: UnsafeMutablePointer<AVCodecContext>
    private let log: MediaLog
    /// FFmpeg's name of the codec, such as `vp9`, whichever decoder is used.
    package let name: String
    /// What was decoded so far.
    package private(set) var statistics = DecodeStatistics()

    /// Opens a decoder for a stream of `demuxer`.
    /// - Parameter threads: 0 lets FFmpeg choose.
    /// - Throws: `MediaError` if the stream does not exist or its codec is not supported.
    package convenience init(
        stream index: Int, of demuxer: Demuxer, log: MediaLog, threads: Int = 0
    ) throws(MediaError) {
        guard let stream = demuxer.stream(index), let parameters = stream.pointee.codecpar else {
            throw MediaError("opening a decoder", text: "stream \(index) does not exist", file: demuxer.path)
        }
        try self.init(
            parameters: parameters, timeBase: stream.pointee.time_base, frameRate: stream.pointee.avg_frame_rate,
            threads: threads,
            // Files store this as a track element or as a tag; `av_dict_get` ignores case.
            knowsAlpha: text(av_dict_get(stream.pointee.metadata, "alpha_mode", nil, 0)?.pointee.value) == "1",
            file: demuxer.path, log: log)
    }

    init(
        parameters: UnsafeMutablePointer<AVCodecParameters>, timeBase: AVRational, frameRate: AVRational,
        threads: Int, knowsAlpha: Bool = false, file: String?, log: MediaLog
    ) throws(MediaError) {
        let codecName = text(avcodec_get_name(parameters.pointee.codec_id)) ?? "unknown"
        // FFmpeg's native VP8 and VP9 decoders ignore WebM's alpha channel, a second bitstream within the stream.
        let transparent = knowsAlpha ? ["vp8": "libvpx", "vp9": "libvpx-vp9"][codecName] : nil
        guard
            let codec = transparent.flatMap({ avcodec_find_decoder_by_name($0) })
                ?? avcodec_find_decoder(parameters.pointee.codec_id)
        else {
            throw MediaError(
                "finding a decoder for \(codecName)", number: spreader_error_decoder_not_found(), file: file)
        }
        name = codecName
        self.log = log
        pointer = try allocated(avcodec_alloc_context3(codec), "allocating a decoder")
        try check(avcodec_parameters_to_context(pointer, parameters), "setting up the decoder \(codecName)")
        pointer.pointee.pkt_timebase = timeBase
        pointer.pointee.framerate = frameRate
        pointer.pointee.thread_count = Int32(threads)
        pointer.pointee.max_pixels = Int64(Frame.maximumPixels)
        pointer.pointee.opaque = log.opaque
        try check(avcodec_open2(pointer, codec, nil), "opening the decoder \(codecName)", file: file, log: log)
    }

    deinit {
        var context: UnsafeMutablePointer<AVCodecContext>? = pointer
        avcodec_free_context(&context)
    }

    /// Sends a packet to the decoder; nil signals the end of the stream.
    ///
    /// A packet that can't be decoded is counted and skipped: one bad packet must not fail the whole file.
    /// - Throws: `MediaError` if memory runs out.
    package func send(_ packet: Packet?) throws(MediaError) {
        let status = avcodec_send_packet(pointer, packet?.pointer)
        if status >= 0 || status == spreader_error_end_of_file() || status == spreader_error_try_again() { return }
        if status == spreader_error_posix(ENOMEM) {
            throw MediaError("decoding \(name)", number: status, log: log)
        }
        statistics.refusedPackets += 1
    }

    /// Receives the next decoded frame.
    /// - Returns: False if the decoder needs another packet or is at the end of the stream.
    /// - Throws: `MediaError` if memory runs out.
    package func receive(into frame: Frame) throws(MediaError) -> Bool {
        while true {
            let status = avcodec_receive_frame(pointer, frame.pointer)
            if status >= 0 {
                statistics.frames += 1
                if frame.isDamaged { statistics.damagedFrames += 1 }
                return true
            }
            if status == spreader_error_try_again() || status == spreader_error_end_of_file() { return false }
            if status == spreader_error_posix(ENOMEM) {
                throw MediaError("decoding \(name)", number: status, log: log)
            }
            // A threaded decoder reports the error of an earlier packet here: try again.
            statistics.refusedPackets += 1
        }
    }

    /// Discards buffered data; call it after a seek.
    package func flush() { avcodec_flush_buffers(pointer) }

    /// Name of the codec profile that the decoder detected, such as `High`; nil if unknown.
    package var profile: String? { text(avcodec_profile_name(pointer.pointee.codec_id, pointer.pointee.profile)) }
}
