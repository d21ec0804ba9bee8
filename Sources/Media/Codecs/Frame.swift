import CFFmpeg
package import PipelineKit

/// A decoded picture or a block of decoded sound. Owns its reference.
package final class Frame {
    let pointer: UnsafeMutablePointer<AVFrame>

    /// An empty frame.
    package init() throws(MediaError) {
        pointer = try allocated(av_frame_alloc(), "allocating a frame")
    }

    /// A block of silent sound.
    package init(silence samples: Int, sampleRate: Int, channels: Int) throws(MediaError) {
        pointer = try allocated(av_frame_alloc(), "allocating a frame")
        pointer.pointee.nb_samples = Int32(samples)
        pointer.pointee.format = AV_SAMPLE_FMT_FLTP.rawValue
        pointer.pointee.sample_rate = Int32(sampleRate)
        av_channel_layout_default(&pointer.pointee.ch_layout, Int32(channels))
        try check(av_frame_get_buffer(pointer, 0), "allocating sound")
        av_samples_set_silence(
            pointer.pointee.extended_data, 0, Int32(samples), Int32(channels), AV_SAMPLE_FMT_FLTP)
    }

    /// A picture whose pixels are not set yet.
    package init(width: Int, height: Int, pixelFormat: String) throws(MediaError) {
        pointer = try allocated(av_frame_alloc(), "allocating a frame")
        pointer.pointee.width = Int32(width)
        pointer.pointee.height = Int32(height)
        pointer.pointee.format = av_get_pix_fmt(pixelFormat).rawValue
        try check(av_frame_get_buffer(pointer, 0), "allocating a picture")
    }

    deinit {
        var frame: UnsafeMutablePointer<AVFrame>? = pointer
        av_frame_free(&frame)
    }

    /// Lets go of the picture.
    package func clear() { av_frame_unref(pointer) }

    /// Takes another frame's content, which is empty afterwards.
    package func take(from other: Frame) {
        av_frame_unref(pointer)
        av_frame_move_ref(pointer, other.pointer)
    }

    /// Width as stored.
    package var width: Int { Int(pointer.pointee.width) }
    /// Height as stored.
    package var height: Int { Int(pointer.pointee.height) }
    /// Samples per channel of a block of sound.
    package var samples: Int { Int(pointer.pointee.nb_samples) }
    /// Samples per second of a block of sound.
    package var sampleRate: Int { Int(pointer.pointee.sample_rate) }
    /// Channels of a block of sound.
    package var channels: Int { Int(pointer.pointee.ch_layout.nb_channels) }
    /// FFmpeg's number of the format of samples.
    package var sampleFormat: Int { Int(pointer.pointee.format) }

    /// Gives a block of sound whose channels have no places the usual ones for their number.
    package func normaliseLayout() {
        guard pointer.pointee.ch_layout.order == AV_CHANNEL_ORDER_UNSPEC else { return }
        av_channel_layout_default(&pointer.pointee.ch_layout, pointer.pointee.ch_layout.nb_channels)
    }
    /// The places of the channels, one bit each; 0 when the layout is none of the usual kind.
    package var layoutMask: UInt64 {
        pointer.pointee.ch_layout.order == AV_CHANNEL_ORDER_NATIVE ? pointer.pointee.ch_layout.u.mask : 0
    }
    /// FFmpeg's name of the pixel format.
    package var pixelFormat: String { text(av_get_pix_fmt_name(AVPixelFormat(pointer.pointee.format))) ?? "unknown" }
    /// Presentation time, the decoder's best guess when the stream has none.
    package var time: Int64? {
        timestamp(pointer.pointee.best_effort_timestamp) ?? timestamp(pointer.pointee.pts)
    }
    /// Presentation time in the unit of whoever handles the frame next.
    package var pts: Int64 {
        get { pointer.pointee.pts }
        set { pointer.pointee.pts = newValue }
    }
    /// Length in the same unit; 0 when unknown.
    package var duration: Int64 { bounded(spreader_frame_duration(pointer)) }
    /// Shape of a pixel; 0/1 when unsaid.
    package var sampleAspectRatio: Rational { Rational(pointer.pointee.sample_aspect_ratio) }
    /// Whether the frame holds two fields.
    package var isInterlaced: Bool { spreader_frame_is_interlaced(pointer) != 0 }
    /// Whether the decoder knows that the picture is damaged.
    package var isDamaged: Bool {
        pointer.pointee.decode_error_flags != 0 || pointer.pointee.flags & AV_FRAME_FLAG_CORRUPT != 0
    }
    /// Colour as the frame says it.
    package var colour: ColourTags {
        ColourTags(
            range: ColourTags.name(of: pointer.pointee.color_range),
            primaries: ColourTags.name(of: pointer.pointee.color_primaries),
            transfer: ColourTags.name(of: pointer.pointee.color_trc),
            matrix: ColourTags.name(of: pointer.pointee.colorspace))
    }

    /// The brightest level that the content or its mastering display is said to reach, in nits; nil when unsaid.
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

    /// The display matrix that rides on the frame, when there is one.
    var displayMatrix: [Int32]? {
        guard let data = av_frame_get_side_data(pointer, AV_FRAME_DATA_DISPLAYMATRIX) else { return nil }
        return Orientation.matrix(UnsafeRawPointer(data.pointee.data), bytes: data.pointee.size)
    }

    /// Drops captions, HDR metadata and orientation, which a delivery must not carry.
    package func dropSideData() {
        spreader_frame_drop_side_data(pointer)
        pointer.pointee.pict_type = AV_PICTURE_TYPE_NONE
    }

    /// Changes the unit of the presentation time.
    package func rescaleTime(from old: Rational, to new: Rational) {
        pts = av_rescale_q(pts, old.av, new.av)
    }

    /// Marks the frame as two fields. For sample footage.
    package func markInterlaced(topFieldFirst: Bool) {
        spreader_frame_set_interlaced(pointer, topFieldFirst ? 1 : 0)
    }

    /// Red, green and blue of one pixel of a `rgb24` frame, 0 … 255.
    package func rgb(x: Int, y: Int) -> (red: Int, green: Int, blue: Int)? {
        guard pointer.pointee.format == AV_PIX_FMT_RGB24.rawValue, (0..<width).contains(x), (0..<height).contains(y),
            let row = pointer.pointee.data.0?.advanced(by: y * Int(pointer.pointee.linesize.0) + x * 3)
        else { return nil }
        return (Int(row[0]), Int(row[1]), Int(row[2]))
    }

    /// The samples of one channel of a planar float block.
    package func channel(_ index: Int) -> [Float] {
        guard pointer.pointee.format == AV_SAMPLE_FMT_FLTP.rawValue, index < channels,
            let plane = pointer.pointee.extended_data[index]
        else { return [] }
        return plane.withMemoryRebound(to: Float.self, capacity: samples) {
            Array(UnsafeBufferPointer(start: $0, count: samples))
        }
    }
}

// A frame belongs to one thread at a time: hand-offs pass it on whole, and whoever put it does not touch it again.
extension Frame: @unchecked Sendable {}

/// The four tags that say what numbers of a picture mean.
package struct ColourTags: Sendable, Hashable {
    /// `tv` or `pc`; nil when unsaid.
    package var range: String?
    /// Primaries, such as `bt709`; nil when unsaid.
    package var primaries: String?
    /// Transfer, such as `smpte2084`; nil when unsaid.
    package var transfer: String?
    /// Matrix, such as `bt709`; nil when unsaid.
    package var matrix: String?

    /// Tags.
    package init(range: String?, primaries: String?, transfer: String?, matrix: String?) {
        self.range = range
        self.primaries = primaries
        self.transfer = transfer
        self.matrix = matrix
    }

    static func name(of value: AVColorRange) -> String? {
        value == AVCOL_RANGE_UNSPECIFIED ? nil : known(av_color_range_name(value))
    }
    static func name(of value: AVColorPrimaries) -> String? {
        value == AVCOL_PRI_UNSPECIFIED ? nil : known(av_color_primaries_name(value))
    }
    static func name(of value: AVColorTransferCharacteristic) -> String? {
        value == AVCOL_TRC_UNSPECIFIED ? nil : known(av_color_transfer_name(value))
    }
    static func name(of value: AVColorSpace) -> String? {
        value == AVCOL_SPC_UNSPECIFIED ? nil : known(av_color_space_name(value))
    }

    /// FFmpeg's numbers of the tags; nil where a tag is unsaid or unknown.
    var numbers:
        (
            range: AVColorRange?, primaries: AVColorPrimaries?, transfer: AVColorTransferCharacteristic?,
            matrix: AVColorSpace?
        )
    {
        func number(_ name: String?, _ find: (UnsafePointer<CChar>) -> Int32) -> UInt32? {
            name.flatMap { UInt32(exactly: find($0)) }
        }
        return (
            number(range, { av_color_range_from_name($0) }).map { AVColorRange($0) },
            number(primaries, { av_color_primaries_from_name($0) }).map { AVColorPrimaries($0) },
            number(transfer, { av_color_transfer_from_name($0) }).map { AVColorTransferCharacteristic($0) },
            number(matrix, { av_color_space_from_name($0) }).map { AVColorSpace($0) }
        )
    }

    private static func known(_ name: UnsafePointer<CChar>?) -> String? {
        text(name).flatMap { ["reserved", "unknown", "unspecified"].contains($0) ? nil : $0 }
    }
}
