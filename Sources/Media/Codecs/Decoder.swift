import CFFmpeg

/// Turns packets of one stream into frames. Owns the codec context.
package final class Decoder {
    /// The largest picture that is decoded; more is an attack or a mistake.
    package static let maximumPixels = 67_108_864

    private let pointer: UnsafeMutablePointer<AVCodecContext>
    private let log: MediaLog
    /// FFmpeg's name of the decoder.
    package let name: String
    /// Packets that the decoder refused.
    package private(set) var refusedPackets = 0
    /// Frames that the decoder marked as damaged.
    package private(set) var damagedFrames = 0
    /// Frames given.
    package private(set) var frames = 0

    /// A decoder for a stream.
    /// - Parameter threads: 0 lets the library choose.
    package convenience init(
        stream index: Int, of demuxer: Demuxer, log: MediaLog, threads: Int = 0
    ) throws(MediaError) {
        guard let stream = demuxer.stream(index), let parameters = stream.pointee.codecpar else {
            throw MediaError("opening a decoder", text: "there is no stream \(index)", file: demuxer.path)
        }
        try self.init(
            parameters, timeBase: stream.pointee.time_base, frameRate: stream.pointee.avg_frame_rate, threads: threads,
            // Written as an element of the track or as a tag, in whatever case.
            knowsAlpha: text(av_dict_get(stream.pointee.metadata, "alpha_mode", nil, 0)?.pointee.value) == "1",
            file: demuxer.path, log: log)
    }

    /// A decoder for what an encoder gives.
    convenience init(of encoder: Encoder, log: MediaLog) throws(MediaError) {
        let parameters = try allocated(avcodec_parameters_alloc(), "allocating a decoder")
        var owned: UnsafeMutablePointer<AVCodecParameters>? = parameters
        defer { avcodec_parameters_free(&owned) }
        let source = encoder.pointer
        try check(avcodec_parameters_from_context(parameters, source), "setting up a decoder")
        try self.init(
            parameters, timeBase: source.pointee.time_base, frameRate: source.pointee.framerate, threads: 1, file: nil,
            log: log)
    }

    private init(
        _ parameters: UnsafeMutablePointer<AVCodecParameters>, timeBase: AVRational, frameRate: AVRational,
        threads: Int, knowsAlpha: Bool = false, file: String?, log: MediaLog
    ) throws(MediaError) {
        let codecName = text(avcodec_get_name(parameters.pointee.codec_id)) ?? "unknown"
        // FFmpeg's own decoders leave out WebM's transparency, which is a second stream within the first.
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
        pointer.pointee.max_pixels = Int64(Decoder.maximumPixels)
        pointer.pointee.opaque = log.opaque
        try check(avcodec_open2(pointer, codec, nil), "opening the decoder \(codecName)", file: file, log: log)
    }

    deinit {
        var context: UnsafeMutablePointer<AVCodecContext>? = pointer
        avcodec_free_context(&context)
    }

    /// Gives the decoder a packet; nil says that no more will come.
    ///
    /// A packet that can't be decoded is counted and passed over: one bad packet does not end the footage.
    /// - Throws: `MediaError` when the decoder itself fails, for want of memory for instance.
    package func send(_ packet: Packet?) throws(MediaError) {
        let answer = avcodec_send_packet(pointer, packet?.pointer)
        if answer >= 0 || answer == spreader_error_end_of_file() || answer == spreader_error_try_again() { return }
        if answer == spreader_error_posix(ENOMEM) {
            throw MediaError("decoding \(name)", number: answer, log: log)
        }
        refusedPackets += 1
    }

    /// Takes the next frame.
    /// - Returns: False when the decoder wants another packet, or is at its end.
    package func receive(into frame: Frame) throws(MediaError) -> Bool {
        while true {
            let answer = avcodec_receive_frame(pointer, frame.pointer)
            if answer >= 0 {
                frames += 1
                if frame.isDamaged { damagedFrames += 1 }
                return true
            }
            if answer == spreader_error_try_again() || answer == spreader_error_end_of_file() { return false }
            if answer == spreader_error_posix(ENOMEM) {
                throw MediaError("decoding \(name)", number: answer, log: log)
            }
            // The damage of an earlier packet, told by a decoder with threads: ask again.
            refusedPackets += 1
        }
    }

    /// Forgets what was decoded, after a seek.
    package func flush() { avcodec_flush_buffers(pointer) }

    /// Profile by name, as the decoder found it; nil when unknown.
    package var profile: String? { text(avcodec_profile_name(pointer.pointee.codec_id, pointer.pointee.profile)) }
}
