import CFFmpeg
package import PipelineKit

/// A decoded video frame or a block of audio samples. Owns its `AVFrame` reference.
package final class Frame {
    /// The largest frame that is decoded, in pixels: malformed or hostile files could claim more than fits into memory.
    package static let maximumPixels = 67_108_864

    let pointer: UnsafeMutablePointer<AVFrame>

    /// Creates an empty frame, to be filled by a decoder or a filter graph.
    package init() throws(MediaError) {
        pointer = try allocated(av_frame_alloc(), "allocating a frame")
    }

    /// Creates silent audio in planar float format, with `samples` samples per channel.
    package init(silence samples: Int, sampleRate: Int, channels: Int) throws(MediaError) {
        pointer = try allocated(av_frame_alloc(), "allocating a frame")
        pointer.pointee.nb_samples = Int32(samples)
        pointer.pointee.format = AV_SAMPLE_FMT_FLTP.rawValue
        pointer.pointee.sample_rate = Int32(sampleRate)
        av_channel_layout_default(&pointer.pointee.ch_layout, Int32(channels))
        try check(av_frame_get_buffer(pointer, 0), "allocating an audio frame")
        av_samples_set_silence(
            pointer.pointee.extended_data, 0, Int32(samples), Int32(channels), AV_SAMPLE_FMT_FLTP)
    }

    /// Creates a video frame with uninitialised pixels.
    package init(width: Int, height: Int, pixelFormat: String) throws(MediaError) {
        pointer = try allocated(av_frame_alloc(), "allocating a frame")
        pointer.pointee.width = Int32(width)
        pointer.pointee.height = Int32(height)
        pointer.pointee.format = av_get_pix_fmt(pixelFormat).rawValue
        try check(av_frame_get_buffer(pointer, 0), "allocating a video frame")
    }

    deinit {
        var frame: UnsafeMutablePointer<AVFrame>? = pointer
        av_frame_free(&frame)
    }

    /// Releases the frame's buffers, so that the frame can be reused.
    package func clear() { av_frame_unref(pointer) }

    /// Moves the content of `other` into this frame; `other` is empty afterwards.
    package func take(from other: Frame) {
        av_frame_unref(pointer)
        av_frame_move_ref(pointer, other.pointer)
    }

    /// Stored width in pixels, before aspect ratio and rotation are applied.
    package var width: Int { Int(pointer.pointee.width) }
    /// Stored height in pixels.
    package var height: Int { Int(pointer.pointee.height) }
    /// Number of audio samples per channel.
    package var samples: Int { Int(pointer.pointee.nb_samples) }
    /// Audio samples per second.
    package var sampleRate: Int { Int(pointer.pointee.sample_rate) }
    /// Number of audio channels in the frame.
    package var channels: Int { Int(pointer.pointee.ch_layout.nb_channels) }
    /// The audio sample format, as FFmpeg's `AVSampleFormat` value.
    package var sampleFormat: Int { Int(pointer.pointee.format) }

    /// Sets the default channel layout for the number of channels, if the layout is unspecified.
    package func normaliseLayout() {
        guard pointer.pointee.ch_layout.order == AV_CHANNEL_ORDER_UNSPEC else { return }
        av_channel_layout_default(&pointer.pointee.ch_layout, pointer.pointee.ch_layout.nb_channels)
    }
    /// The channel layout as FFmpeg's bit mask; 0 if the layout has no mask.
    package var layoutMask: UInt64 {
        pointer.pointee.ch_layout.order == AV_CHANNEL_ORDER_NATIVE ? pointer.pointee.ch_layout.u.mask : 0
    }
    /// FFmpeg's name of the pixel format.
    package var pixelFormat: String { text(av_get_pix_fmt_name(AVPixelFormat(pointer.pointee.format))) ?? "unknown" }
    /// PTS in the stream's time base: the decoder's best estimate, else the packet's own. Nil if unknown.
    package var time: Int64? {
        timestamp(pointer.pointee.best_effort_timestamp) ?? timestamp(pointer.pointee.pts)
    }
    /// PTS in the time base of the next consumer, such as a filter graph or an encoder.
    package var pts: Int64 {
        get { pointer.pointee.pts }
        set { pointer.pointee.pts = newValue }
    }
    /// Duration in the same time base as the PTS; 0 if unknown.
    package var duration: Int64 { bounded(spreader_frame_duration(pointer)) }
    /// Sample aspect ratio; 0/1 if unspecified.
    package var sampleAspectRatio: Rational { Rational(pointer.pointee.sample_aspect_ratio) }
    /// Whether the frame is flagged as interlaced.
    package var isInterlaced: Bool { spreader_frame_is_interlaced(pointer) != 0 }
    /// Whether the decoder reported errors in this frame.
    package var isDamaged: Bool {
        pointer.pointee.decode_error_flags != 0 || pointer.pointee.flags & AV_FRAME_FLAG_CORRUPT != 0
    }
    /// The colour tags of the frame itself.
    package var colour: ColourTags {
        ColourTags(
            range: ColourTags.name(of: pointer.pointee.color_range),
            primaries: ColourTags.name(of: pointer.pointee.color_primaries),
            transfer: ColourTags.name(of: pointer.pointee.color_trc),
            matrix: ColourTags.name(of: pointer.pointee.colorspace))
    }

    /// Peak luminance of the content (MaxCLL), else of its mastering display, in nits; nil if neither is given.
    package var peakLuminance: Double? {
        if let data = av_frame_get_side_data(pointer, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL),
            data.pointee.size >= MemoryLayout<AVContentLightMetadata>.size
        {
            let light = UnsafeRawPointer(data.pointee.data).loadUnaligned(as: AVContentLightMetadata.self)
            if light.MaxCLL > 0 { return Double(light.MaxCLL) }
        }
        if let data = av_frame_get_side_data(pointer, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA),
            data.pointee.size >= MemoryLayout<AVMasteringDisplayMetadata>.size
        {
            let display = UnsafeRawPointer(data.pointee.data).loadUnaligned(as: AVMasteringDisplayMetadata.self)
            if display.has_luminance != 0, display.max_luminance.den != 0 { return av_q2d(display.max_luminance) }
        }
        return nil
    }

    /// The display matrix in the frame's side data; nil if there is none.
    var displayMatrix: [Int32]? {
        guard let data = av_frame_get_side_data(pointer, AV_FRAME_DATA_DISPLAYMATRIX) else { return nil }
        return Orientation.matrix(UnsafeRawPointer(data.pointee.data), bytes: data.pointee.size)
    }

    /// Removes side data that a delivery must not carry: captions, HDR metadata, orientation. Also resets the picture
    /// type, so that the encoder chooses its own.
    package func dropSideData() {
        spreader_frame_drop_side_data(pointer)
        pointer.pointee.pict_type = AV_PICTURE_TYPE_NONE
    }

    /// Converts the PTS to another time base.
    package func rescaleTime(from old: Rational, to new: Rational) {
        pts = av_rescale_q(pts, old.av, new.av)
    }

    /// Flags the frame as interlaced; used by sample footage.
    package func markInterlaced(topFieldFirst: Bool) {
        spreader_frame_set_interlaced(pointer, topFieldFirst ? 1 : 0)
    }

    /// Red, green and blue of one pixel, 0 … 255; nil outside the frame or if its format is not `rgb24`.
    package func rgb(x: Int, y: Int) -> (red: Int, green: Int, blue: Int)? {
        guard pointer.pointee.format == AV_PIX_FMT_RGB24.rawValue, (0..<width).contains(x), (0..<height).contains(y),
            let row = pointer.pointee.data.0?.advanced(by: y * Int(pointer.pointee.linesize.0) + x * 3)
        else { return nil }
        return (Int(row[0]), Int(row[1]), Int(row[2]))
    }

    /// A copy of one channel's samples; empty unless the format is planar float.
    package func channel(_ index: Int) -> [Float] {
        guard pointer.pointee.format == AV_SAMPLE_FMT_FLTP.rawValue, index < channels,
            let plane = pointer.pointee.extended_data[index]
        else { return [] }
        return plane.withMemoryRebound(to: Float.self, capacity: samples) {
            Array(UnsafeBufferPointer(start: $0, count: samples))
        }
    }
}

// A frame belongs to one thread at a time: `BoundedQueue` transfers it, and the sender does not use it again.
extension Frame: @unchecked Sendable {}

extension Frame {
    /// Metadata that a filter attached to the frame, such as `lavfi.idet.multiple.current_frame`; nil if missing.
    package func metadata(_ key: String) -> String? {
        av_dict_get(pointer.pointee.metadata, key, nil, 0).flatMap { text($0.pointee.value) }
    }
}

extension Frame {
    /// A new reference to the data of another frame.
    convenience init(sharing other: Frame) throws(MediaError) {
        try self.init()
        try check(av_frame_ref(pointer, other.pointer), "sharing a frame")
    }
}
