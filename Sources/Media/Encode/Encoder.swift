import CFFmpeg
package import PipelineKit

/// Encodes frames into packets. Owns the codec context.
package final class Encoder {
    /// Settings of a video encoder.
    package struct VideoSettings {
        /// FFmpeg's name of the encoder, such as `libx264`.
        package var codec: String
        package var width: Int
        package var height: Int
        package var pixelFormat: String
        package var frameRate: Rational
        package var sampleAspectRatio = Rational(1, 1)
        /// Largest distance between keyframes, in frames; nil for the encoder's default.
        package var keyFrameInterval: Int?
        /// Average bit rate in bits per second; nil for constant quality.
        package var bitRate: Int64?
        /// Highest bit rate in bits per second, measured over a buffer of `bufferSize` bits.
        package var maximumRate: Int64?
        package var bufferSize: Int64?
        /// Colour tags to write; nil leaves the stream untagged.
        package var colour: ColourTags?
        /// Whether every GOP can be decoded without its neighbours.
        package var closedGroups = true
        /// Whether to encode interlaced, with the top field first.
        package var interlaced = false
        /// Private options of the encoder, by FFmpeg's names; an unknown one makes opening fail.
        package var codecOptions: [String: String] = [:]

        package init(codec: String, width: Int, height: Int, pixelFormat: String, frameRate: Rational) {
            self.codec = codec
            self.width = width
            self.height = height
            self.pixelFormat = pixelFormat
            self.frameRate = frameRate
        }
    }

    /// Settings of an audio encoder.
    package struct AudioSettings {
        /// FFmpeg's name of the encoder, such as `aac`.
        package var codec: String
        package var sampleRate: Int
        package var channels: Int
        package var sampleFormat: String
        package var bitRate: Int64?
        package var codecOptions: [String: String] = [:]

        package init(codec: String, sampleRate: Int, channels: Int, sampleFormat: String, bitRate: Int64?) {
            self.codec = codec
            self.sampleRate = sampleRate
            self.channels = channels
            self.sampleFormat = sampleFormat
            self.bitRate = bitRate
        }
    }

    let pointer: UnsafeMutablePointer<AVCodecContext>
    private let name: String
    private let log: MediaLog

    /// Opens a video encoder.
    /// - Parameter globalHeader: Whether the codec's header goes into extradata rather than into the packets, see
    ///   ``Muxer/wantsGlobalHeader``.
    /// - Throws: `MediaError` if this build of FFmpeg lacks the encoder, or the encoder rejects a setting.
    package init(_ video: VideoSettings, globalHeader: Bool, log: MediaLog) throws(MediaError) {
        name = video.codec
        self.log = log
        let codec = try Encoder.find(video.codec)
        pointer = try allocated(avcodec_alloc_context3(codec), "allocating an encoder")
        pointer.pointee.width = Int32(video.width)
        pointer.pointee.height = Int32(video.height)
        pointer.pointee.pix_fmt = av_get_pix_fmt(video.pixelFormat)
        pointer.pointee.time_base = video.frameRate.inverse.av
        pointer.pointee.framerate = video.frameRate.av
        pointer.pointee.sample_aspect_ratio = video.sampleAspectRatio.av
        if let interval = video.keyFrameInterval { pointer.pointee.gop_size = Int32(interval) }
        if let rate = video.bitRate { pointer.pointee.bit_rate = rate }
        if let rate = video.maximumRate { pointer.pointee.rc_max_rate = rate }
        if let size = video.bufferSize { pointer.pointee.rc_buffer_size = Int32(clamping: size) }
        if let colour = video.colour { Encoder.tag(pointer, colour) }
        if video.closedGroups { pointer.pointee.flags |= Int32(bitPattern: AV_CODEC_FLAG_CLOSED_GOP) }
        if video.interlaced {
            pointer.pointee.flags |= Int32(AV_CODEC_FLAG_INTERLACED_DCT | AV_CODEC_FLAG_INTERLACED_ME)
            pointer.pointee.field_order = AV_FIELD_TT
        } else {
            pointer.pointee.field_order = AV_FIELD_PROGRESSIVE
        }
        try open(codec, options: video.codecOptions, globalHeader: globalHeader)
    }

    /// Opens an audio encoder; `globalHeader` and errors are the same as for video.
    package init(_ audio: AudioSettings, globalHeader: Bool, log: MediaLog) throws(MediaError) {
        name = audio.codec
        self.log = log
        let codec = try Encoder.find(audio.codec)
        pointer = try allocated(avcodec_alloc_context3(codec), "allocating an encoder")
        pointer.pointee.sample_rate = Int32(audio.sampleRate)
        pointer.pointee.sample_fmt = av_get_sample_fmt(audio.sampleFormat)
        av_channel_layout_default(&pointer.pointee.ch_layout, Int32(audio.channels))
        pointer.pointee.time_base = AVRational(num: 1, den: Int32(audio.sampleRate))
        if let rate = audio.bitRate { pointer.pointee.bit_rate = rate }
        pointer.pointee.flags |= Int32(AV_CODEC_FLAG_BITEXACT)
        try open(codec, options: audio.codecOptions, globalHeader: globalHeader)
    }

    deinit {
        var context: UnsafeMutablePointer<AVCodecContext>? = pointer
        avcodec_free_context(&context)
    }

    private static func find(_ name: String) throws(MediaError) -> UnsafePointer<AVCodec> {
        guard let codec = avcodec_find_encoder_by_name(name) else {
            throw MediaError("finding the encoder \(name)", text: "this build of FFmpeg has no encoder \(name)")
        }
        return codec
    }

    /// Whether the loaded FFmpeg libraries have an encoder of this name.
    package static func exists(_ name: String) -> Bool { avcodec_find_encoder_by_name(name) != nil }

    private static func tag(_ context: UnsafeMutablePointer<AVCodecContext>, _ colour: ColourTags) {
        let numbers = colour.numbers
        if let range = numbers.range { context.pointee.color_range = range }
        if let primaries = numbers.primaries { context.pointee.color_primaries = primaries }
        if let transfer = numbers.transfer { context.pointee.color_trc = transfer }
        if let matrix = numbers.matrix { context.pointee.colorspace = matrix }
    }

    private func open(
        _ codec: UnsafePointer<AVCodec>, options values: [String: String], globalHeader: Bool
    ) throws(MediaError) {
        if globalHeader { pointer.pointee.flags |= Int32(AV_CODEC_FLAG_GLOBAL_HEADER) }
        pointer.pointee.opaque = log.opaque
        let options = LibavOptions(values)
        try check(avcodec_open2(pointer, codec, &options.pointer), "opening the encoder \(name)", log: log)
        guard options.unused.isEmpty else {
            throw MediaError(
                "opening the encoder \(name)", text: "unknown settings \(options.unused.joined(separator: ", "))")
        }
    }

    /// Time base of the frames sent and the packets received.
    package var timeBase: Rational { Rational(pointer.pointee.time_base) }
    /// Samples per channel that an audio encoder expects in each frame; 0 if it accepts any number.
    package var frameSize: Int { Int(pointer.pointee.frame_size) }
    /// Sample format that the encoder expects, by FFmpeg's name.
    package var sampleFormat: String { text(av_get_sample_fmt_name(pointer.pointee.sample_fmt)) ?? "fltp" }

    /// The codec's header (extradata). Owned by the encoder and valid while it lives.
    var extradata: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: pointer.pointee.extradata, count: Int(pointer.pointee.extradata_size))
    }
    /// Number of frames by which decoding can run ahead of presentation, because of B-frames.
    var reorder: Int { Int(pointer.pointee.has_b_frames) }

    /// Sends a frame to the encoder; nil signals the end of the stream.
    package func send(_ frame: Frame?) throws(MediaError) {
        let status = avcodec_send_frame(pointer, frame?.pointer)
        if status == spreader_error_end_of_file(), frame == nil { return }
        try check(status, "encoding with \(name)", log: log)
    }

    /// Receives the next encoded packet.
    /// - Returns: False if the encoder needs another frame or is at the end of the stream.
    package func receive(into packet: Packet) throws(MediaError) -> Bool {
        packet.clear()
        let status = avcodec_receive_packet(pointer, packet.pointer)
        if status == spreader_error_try_again() || status == spreader_error_end_of_file() { return false }
        try check(status, "encoding with \(name)", log: log)
        return true
    }
}
