import CFFmpeg
import Foundation
import PipelineKit

/// Describes the streams of an open file as `VideoTrack`, `AudioTrack` or `OtherTrack`.
struct TrackReader {
    let demuxer: Demuxer
    /// The container's own header, for facts that FFmpeg leaves out; nil for other containers.
    let movie: MovieHeader?
    let matroska: MatroskaHeader?

    init(demuxer: Demuxer) {
        self.demuxer = demuxer
        movie = demuxer.formatName.contains("mp4") ? MovieHeader(path: demuxer.path) : nil
        matroska = demuxer.formatName.contains("matroska") ? MatroskaHeader(path: demuxer.path) : nil
    }

    /// Describes a video stream by its `AVStream`, corrected by its packets and its first decoded frame if given.
    func video(_ index: Int, scan: PacketScan.Track?, frame: Frame? = nil, profile: String? = nil) -> VideoTrack? {
        guard let stream = demuxer.stream(index), let parameters = stream.pointee.codecpar?.pointee else { return nil }
        let format = AVPixelFormat(frame?.pointer.pointee.format ?? parameters.format)
        let (width, height) = Self.storedSize(parameters, frame: frame)
        var track = VideoTrack(
            index: index, codec: text(avcodec_get_name(parameters.codec_id)) ?? "unknown", codedWidth: width,
            codedHeight: height, pixelFormat: text(av_get_pix_fmt_name(format)) ?? "unknown",
            averageFrameRate: averageRate(stream, scan: scan))
        track.profile = text(avcodec_profile_name(parameters.codec_id, parameters.profile)) ?? profile
        track.level = parameters.level > 0 ? Int(parameters.level) : nil
        if let descriptor = av_pix_fmt_desc_get(format) {
            track.bitDepth = Int(descriptor.pointee.comp.0.depth)
            track.hasAlpha = descriptor.pointee.flags & UInt64(AV_PIX_FMT_FLAG_ALPHA) != 0 ? true : nil
        }
        track.fieldOrder = Self.fieldOrder(parameters.field_order, frame: frame)
        track.isAttachedPicture = stream.pointee.disposition & AV_DISPOSITION_ATTACHED_PIC != 0
        track.isDefault = stream.pointee.disposition & AV_DISPOSITION_DEFAULT != 0
        describeGeometry(of: &track, stream: stream, frame: frame)
        describeColours(of: &track, stream: stream, frame: frame)
        describeTiming(of: &track, stream: stream, scan: scan)
        return track
    }

    private func describeGeometry(of track: inout VideoTrack, stream: UnsafeMutablePointer<AVStream>, frame: Frame?) {
        let declaredAspect = Self.aspect(
            frame.map { $0.pointer.pointee.sample_aspect_ratio }
                ?? av_guess_sample_aspect_ratio(demuxer.pointer, stream, nil),
            container: stream.pointee.sample_aspect_ratio)
        let geometry = geometry(
            of: track.index, width: track.codedWidth, height: track.codedHeight, aspect: declaredAspect)
        let matrix = displayMatrix(stream) ?? frame?.displayMatrix
        let orientation = matrix.map(Orientation.init(displayMatrix:)) ?? .upright
        track.cleanAperture = geometry.cleanAperture
        track.sampleAspectRatio = geometry.pixelAspect.map { Self.aspect($0.av, container: $0.av) } ?? declaredAspect
        track.rotation = orientation.rotation
        track.mirrored = orientation.mirrored
        (track.displayWidth, track.displayHeight) = Self.displaySize(
            width: geometry.cleanAperture?.width ?? track.codedWidth,
            height: geometry.cleanAperture?.height ?? track.codedHeight, aspect: track.sampleAspectRatio,
            orientation: orientation)
    }

    /// The decoder's colour tags take precedence over the container's.
    private func describeColours(of track: inout VideoTrack, stream: UnsafeMutablePointer<AVStream>, frame: Frame?) {
        let parameters = stream.pointee.codecpar.pointee
        let colour = frame?.colour ?? ColourTags(range: nil, primaries: nil, transfer: nil, matrix: nil)
        track.colorRange = colour.range ?? ColourTags.name(of: parameters.color_range)
        track.colorPrimaries = colour.primaries ?? ColourTags.name(of: parameters.color_primaries)
        track.colorTransfer = colour.transfer ?? ColourTags.name(of: parameters.color_trc)
        track.colorSpace = colour.matrix ?? ColourTags.name(of: parameters.color_space)
        track.dynamicRange = Self.dynamicRange(track.colorTransfer)
        let vision = dolbyVision(stream)
        track.dolbyVisionProfile = vision?.profile
        track.dolbyVisionCompatibility = vision?.compatibility
    }

    private func describeTiming(
        of track: inout VideoTrack, stream: UnsafeMutablePointer<AVStream>, scan: PacketScan.Track?
    ) {
        track.realFrameRate = Rational(stream.pointee.r_frame_rate)
        track.constantFrameRate = isInterlaced(stream) ? nil : scan?.isEven
        track.startTime = startTime(of: stream, scan: scan)
        track.duration = scan?.duration ?? demuxer.claimedDuration(of: track.index)
        track.bitRate = stream.pointee.codecpar.pointee.bit_rate > 0 ? stream.pointee.codecpar.pointee.bit_rate : nil
        track.frameCount = stream.pointee.nb_frames > 0 ? Int(stream.pointee.nb_frames) : nil
        track.longestKeyFrameInterval = scan?.longestKeyFrameInterval
        track.closedGroups = scan?.closedGroups
        track.keyFrameTimes = scan?.keyFrameTimes
    }

    /// The first timestamp in seconds, measured or as the headers claim.
    private func startTime(of stream: UnsafeMutablePointer<AVStream>, scan: PacketScan.Track?) -> Double? {
        scan?.start
            ?? timestamp(stream.pointee.start_time).map { Double($0) * (Rational(stream.pointee.time_base).value ?? 0) }
    }

    /// Clean aperture and pixel aspect ratio of a video stream according to the container's own header.
    func geometry(of index: Int, width: Int, height: Int, aspect: Rational) -> FrameGeometry {
        guard let stream = demuxer.stream(index) else { return FrameGeometry() }
        if let track = movie?.tracks.first(where: { $0.id == Int(stream.pointee.id) }) {
            return FrameGeometry(track, width: width, height: height)
        }
        if let matroska {
            // FFmpeg creates streams in the order of the tracks.
            let videoStreams = (0..<demuxer.streamCount).filter { index in
                kind(index) == AVMEDIA_TYPE_VIDEO
                    && (demuxer.stream(index)?.pointee.disposition ?? 0) & AV_DISPOSITION_ATTACHED_PIC == 0
            }
            if videoStreams.count == matroska.tracks.count, let position = videoStreams.firstIndex(of: index) {
                return FrameGeometry(matroska.tracks[position], width: width, height: height, aspect: aspect)
            }
        }
        return FrameGeometry()
    }

    /// Stored size of the frames: the size of the first decoded frame. Codecs that may change it mid-stream use the
    /// container's size, which is the largest.
    private static func storedSize(_ parameters: AVCodecParameters, frame: Frame?) -> (Int, Int) {
        let declared = (Int(parameters.width), Int(parameters.height))
        guard let frame else { return declared }
        let mayScale = [AV_CODEC_ID_VP8, AV_CODEC_ID_VP9].contains { $0 == parameters.codec_id }
        let ratio = Double(frame.width * declared.1) / Double(max(1, frame.height * declared.0))
        if mayScale, declared.0 > frame.width, abs(ratio - 1) < 0.02 { return declared }
        return (frame.width, frame.height)
    }

    /// Describes an audio stream by its `AVStream` and its packets.
    func audio(_ index: Int, scan: PacketScan.Track?) -> AudioTrack? {
        guard let stream = demuxer.stream(index), let parameters = stream.pointee.codecpar else { return nil }
        var layout = [CChar](repeating: 0, count: 128)
        av_channel_layout_describe(&parameters.pointee.ch_layout, &layout, layout.count)
        let tags = LibavOptions.pairs(stream.pointee.metadata)
        let measured = scan.flatMap { scan in
            scan.scannedDuration.flatMap { $0 > 0.5 ? Int64(Double(scan.bytes) * 8 / $0) : nil }
        }
        var track = AudioTrack(
            index: index, codec: text(avcodec_get_name(parameters.pointee.codec_id)) ?? "unknown",
            sampleRate: Int(parameters.pointee.sample_rate), channels: Int(parameters.pointee.ch_layout.nb_channels),
            layout: BufferText.string(layout))
        track.profile = text(avcodec_profile_name(parameters.pointee.codec_id, parameters.pointee.profile))
        track.bitRate = parameters.pointee.bit_rate > 0 ? parameters.pointee.bit_rate : measured
        track.language = tags["language"].flatMap { $0 == "und" ? nil : $0 }
        track.startTime = startTime(of: stream, scan: scan)
        track.duration = scan?.duration ?? demuxer.claimedDuration(of: index)
        track.isDefault = stream.pointee.disposition & AV_DISPOSITION_DEFAULT != 0
        track.title = Self.title(tags)
        track.isCommentary = Self.isCommentary(stream.pointee.disposition, tags: tags) ? true : nil
        track.isDescriptive = Self.isDescriptive(stream.pointee.disposition, tags: tags) ? true : nil
        return track
    }

    /// A track's title, or its handler name unless that is a program's default.
    private static func title(_ tags: [String: String]) -> String? {
        if let title = tags["title"], !title.isEmpty { return title }
        guard let handler = tags["handler_name"]?.trimmingCharacters(in: .whitespacesAndNewlines), !handler.isEmpty,
            !["handler", "soundhandle", "core media", "gpac", "mainconcept", "iso media"].contains(where: {
                handler.lowercased().contains($0)
            })
        else { return nil }
        return handler
    }

    private static func isCommentary(_ disposition: Int32, tags: [String: String]) -> Bool {
        disposition & AV_DISPOSITION_COMMENT != 0 || title(tags)?.lowercased().contains("commentary") == true
    }

    private static func isDescriptive(_ disposition: Int32, tags: [String: String]) -> Bool {
        let name = title(tags)?.lowercased() ?? ""
        return disposition & (AV_DISPOSITION_VISUAL_IMPAIRED | AV_DISPOSITION_DESCRIPTIONS) != 0
            || name.contains("audio description") || name.contains("descriptive")
    }

    /// Describes a stream that is neither video nor audio.
    func other(_ index: Int) -> OtherTrack? {
        guard let stream = demuxer.stream(index), let parameters = stream.pointee.codecpar?.pointee else { return nil }
        let kind =
            switch parameters.codec_type {
            case AVMEDIA_TYPE_SUBTITLE: "subtitle"
            case AVMEDIA_TYPE_ATTACHMENT: "attachment"
            default: "data"
            }
        var codec = text(avcodec_get_name(parameters.codec_id)) ?? "unknown"
        if parameters.codec_id == AV_CODEC_ID_NONE {
            var buffer = [CChar](repeating: 0, count: Int(AV_FOURCC_MAX_STRING_SIZE))
            spreader_fourcc(&buffer, parameters.codec_tag)
            codec = BufferText.string(buffer)
        }
        return OtherTrack(index: index, kind: kind, codec: codec)
    }

    /// FFmpeg's media type of a stream.
    func kind(_ index: Int) -> AVMediaType {
        demuxer.stream(index)?.pointee.codecpar?.pointee.codec_type ?? AVMEDIA_TYPE_UNKNOWN
    }

    /// Whether the samples of a stream are encrypted.
    func isEncrypted(_ index: Int) -> Bool {
        guard let stream = demuxer.stream(index), let parameters = stream.pointee.codecpar?.pointee else {
            return false
        }
        if spreader_stream_side_data(stream, AV_PKT_DATA_ENCRYPTION_INIT_INFO, nil) != nil { return true }
        var buffer = [CChar](repeating: 0, count: Int(AV_FOURCC_MAX_STRING_SIZE))
        spreader_fourcc(&buffer, parameters.codec_tag)
        return ["encv", "enca", "drms", "drmi", "p608"].prefix(4).contains(BufferText.string(buffer))
    }

    private func displayMatrix(_ stream: UnsafeMutablePointer<AVStream>) -> [Int32]? {
        var size = 0
        guard let data = spreader_stream_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size) else { return nil }
        return Orientation.matrix(UnsafeRawPointer(data), bytes: size)
    }

    private func dolbyVision(_ stream: UnsafeMutablePointer<AVStream>) -> (profile: Int, compatibility: Int)? {
        var size = 0
        guard let data = spreader_stream_side_data(stream, AV_PKT_DATA_DOVI_CONF, &size),
            size >= MemoryLayout<AVDOVIDecoderConfigurationRecord>.size
        else { return nil }
        let record = UnsafeRawPointer(data).loadUnaligned(as: AVDOVIDecoderConfigurationRecord.self)
        return (Int(record.dv_profile), Int(record.dv_bl_signal_compatibility_id))
    }

    /// The header's average frame rate unless the packets contradict it: headers may count missing frames.
    private func averageRate(_ stream: UnsafeMutablePointer<AVStream>, scan: PacketScan.Track?) -> Rational {
        let claimed = Rational(stream.pointee.avg_frame_rate)
        guard let scan, let duration = scan.scannedDuration, scan.shown >= 3 else { return claimed }
        let measured = Double(scan.shown) / duration
        // Interlaced streams may have one packet per field.
        if let rate = claimed.value, rate > 0, isInterlaced(stream), measured > rate * 1.5 { return claimed }
        // Evenly spaced footage with gaps keeps its rate.
        if let rate = claimed.value, let step = scan.step, scan.isEven == false, abs(rate * step - 1) < 0.06 {
            return claimed
        }
        if let rate = claimed.value, rate > 0, abs(rate - measured) < rate * 0.01 { return claimed }
        return Rational(approximating: measured)
    }

    private func isInterlaced(_ stream: UnsafeMutablePointer<AVStream>) -> Bool {
        let order = stream.pointee.codecpar.pointee.field_order
        return [AV_FIELD_TT, AV_FIELD_BB, AV_FIELD_TB, AV_FIELD_BT].contains { $0 == order }
    }

    /// Pixel aspect ratio, preferably the container's; 1/1 if it is missing, invalid or implausibly extreme.
    static func aspect(_ value: AVRational, container: AVRational) -> Rational {
        for candidate in [container, value] where candidate.num > 0 && candidate.den > 0 {
            let ratio = av_q2d(candidate)
            if ratio > 0.05, ratio < 20 { return Rational(candidate) }
        }
        return Rational(1, 1)
    }

    /// Upright size in square pixels: the pixel aspect ratio scales the width.
    static func displaySize(
        width: Int, height: Int, aspect: Rational, orientation: Orientation
    ) -> (width: Int, height: Int) {
        let ratio = aspect.value ?? 1
        var size = (width: width, height: height)
        // Ratios such as 853:854 come from rounding and mean square pixels.
        if abs(ratio - 1) > 0.005 {
            size.width = max(1, Int((Double(width) * ratio).rounded()))
        }
        return orientation.swapsAxes ? (size.height, size.width) : size
    }

    static func dynamicRange(_ transfer: String?) -> VideoTrack.DynamicRange {
        switch transfer {
        case "smpte2084": .pq
        case "arib-std-b67": .hlg
        default: .sdr
        }
    }

    private static func fieldOrder(_ order: AVFieldOrder, frame: Frame?) -> String {
        switch order {
        case AV_FIELD_PROGRESSIVE: "progressive"
        case AV_FIELD_TT: "tt"
        case AV_FIELD_BB: "bb"
        case AV_FIELD_TB: "tb"
        case AV_FIELD_BT: "bt"
        default: frame.map { $0.isInterlaced ? "tt" : "progressive" } ?? "unknown"
        }
    }
}
