import CFFmpeg
import Foundation
package import PipelineKit

/// Reads packets from a media file. Owns the format context and closes it.
///
/// The format is detected from the content alone. Playlists and other formats that reference further files are refused.
package final class Demuxer {
    /// How much FFmpeg may read to detect the streams and their parameters.
    private static let probeBytes = 20_000_000
    private static let analyseMicroseconds = 15_000_000
    /// Formats that reference other files, and formats that are not footage.
    private static let refusedFormats: Set<String> = [
        "hls", "applehttp", "dash", "concat", "image2", "lavfi", "sdp", "rtsp", "ffmetadata", "tty", "imf", "bin",
        "data", "alias_pix", "brender_pix", "txd", "vapoursynth", "avisynth", "webvtt", "srt", "ass", "libgme",
    ]

    /// Where stream parameters come from that the container's header does not give.
    package enum Description {
        /// FFmpeg reads and decodes the first packets.
        case decoding
        /// Nowhere: only the header is read.
        case header
        /// Copied from a demuxer that has the same file open.
        case other(Demuxer)
    }

    /// Whether a container's header lists all streams and its index is reliable; `format` is FFmpeg's name of it.
    static func isIndexed(_ format: String) -> Bool { ["mp4", "matroska"].contains(where: format.contains) }

    let pointer: UnsafeMutablePointer<AVFormatContext>
    package let path: String
    private let log: MediaLog
    private let interrupter: Interrupter
    private let hidesBeforeZero: Bool
    private var timestampFixer = TimestampDiscontinuityFixer()
    /// The streams whose packets ``read(into:)`` returns; nil for all.
    private var keptStreams: Set<Int>?
    /// Failed reads since the last successful one.
    private var failures = 0
    /// Failed reads that were skipped.
    package private(set) var readErrors = 0

    /// Opens a file and detects its format and streams.
    /// - Parameters:
    ///   - description: Where stream parameters come from that the header does not give.
    ///   - deadline: When every read starts to fail with a timeout; nil for no limit.
    /// - Throws: `MediaError` if the file can't be read or its format is not supported.
    package init(
        path: String, log: MediaLog, cancellation: CancellationFlag, description: Description = .decoding,
        deadline: ContinuousClock.Instant? = nil
    ) throws(MediaError) {
        self.path = path
        self.log = log
        interrupter = Interrupter(cancellation: cancellation, deadline: deadline)
        let format = try Demuxer.recognise(path: path, log: log)
        let context = try allocated(avformat_alloc_context(), "allocating a demuxer")
        // Unretained is safe: this object keeps the interrupter alive and outlives the context.
        context.pointee.interrupt_callback.opaque = Unmanaged.passUnretained(interrupter).toOpaque()
        context.pointee.interrupt_callback.callback = { opaque in
            guard let opaque else { return 0 }
            return Unmanaged<Interrupter>.fromOpaque(opaque).takeUnretainedValue().isOver ? 1 : 0
        }
        context.pointee.probesize = Int64(Demuxer.probeBytes)
        context.pointee.max_analyze_duration = Int64(Demuxer.analyseMicroseconds)
        // Compute missing timestamps. Damaged packets are not discarded, so that they can be counted.
        context.pointee.flags |= AVFMT_FLAG_GENPTS
        var owned: UnsafeMutablePointer<AVFormatContext>? = context
        let options = LibavOptions(["protocol_whitelist": "file"])
        // With `advanced_editlist`, FFmpeg shifts the timestamps of a track whose edit starts inside a GOP. Without it
        // timestamps are right, and packets that the edit hides lie before zero.
        hidesBeforeZero =
            text(format.pointee.name)?.contains("mp4") == true && MovieHeader(path: path)?.cutsIntoAGroup == true
        if hidesBeforeZero { av_dict_set(&options.pointer, "advanced_editlist", "0", 0) }
        // On failure `avformat_open_input` frees the context.
        let opened = avformat_open_input(&owned, "file:\(path)", format, &options.pointer)
        // Check this first: FFmpeg reports an interrupted read as a damaged file.
        try interrupter.check("opening")
        try check(opened, "opening", file: path, log: log)
        pointer = context
        if case .header = description { return }
        if case .other(let other) = description, try takeParameters(of: other) { return }
        let status = Demuxer.findStreamInfo(context)
        try interrupter.check("opening")
        if status < 0, context.pointee.nb_streams == 0 {
            throw MediaError("reading the streams", number: status, file: path, log: log)
        }
    }

    /// Copies the stream parameters from another demuxer of the same file.
    /// - Returns: False if the header does not list all streams, or the streams of both differ.
    private func takeParameters(of other: Demuxer) throws(MediaError) -> Bool {
        guard Demuxer.isIndexed(formatName), streamCount == other.streamCount else {
            return false
        }
        for index in 0..<streamCount {
            guard let own = stream(index), let others = other.stream(index) else { return false }
            try check(
                avcodec_parameters_copy(own.pointee.codecpar, others.pointee.codecpar), "describing a stream",
                file: path)
        }
        return true
    }

    deinit {
        var context: UnsafeMutablePointer<AVFormatContext>? = pointer
        avformat_close_input(&context)
    }

    /// Detects the format from the content of `path`, ignoring its name.
    private static func recognise(path: String, log: MediaLog) throws(MediaError) -> UnsafePointer<AVInputFormat> {
        var io: UnsafeMutablePointer<AVIOContext>?
        try check(avio_open2(&io, "file:\(path)", AVIO_FLAG_READ, nil, nil), "opening", file: path, log: log)
        defer { avio_closep(&io) }
        var format: UnsafePointer<AVInputFormat>?
        try check(
            av_probe_input_buffer2(io, &format, "", nil, 0, UInt32(1 << 20)), "recognising the format", file: path,
            log: log)
        guard let format, let name = text(format.pointee.name) else {
            throw MediaError("recognising the format", text: "unknown format", file: path, log: log)
        }
        if name.hasSuffix("_pipe") {
            throw MediaError(imageOperation, text: "it is a still image (\(name.dropLast(5)))", file: path)
        }
        if name.split(separator: ",").contains(where: { refusedFormats.contains(String($0)) }) {
            throw MediaError(
                "recognising the format", text: "\(name) is a playlist or text format, not footage", file: path)
        }
        return format
    }

    /// `MediaError.operation` of the error for still images, by which callers recognise it.
    static let imageOperation = "recognising a still image"

    /// Fills in the stream parameters, with a limit on the size of frames that FFmpeg decodes for this.
    private static func findStreamInfo(_ context: UnsafeMutablePointer<AVFormatContext>) -> Int32 {
        let count = Int(context.pointee.nb_streams)
        var dictionaries: [OpaquePointer?] = (0..<count).map { _ in
            var dictionary: OpaquePointer?
            av_dict_set(&dictionary, "max_pixels", "\(Frame.maximumPixels)", 0)
            av_dict_set(&dictionary, "threads", "1", 0)
            return dictionary
        }
        let status = avformat_find_stream_info(context, &dictionaries)
        for index in dictionaries.indices { av_dict_free(&dictionaries[index]) }
        return status
    }

    // MARK: File and stream properties

    /// FFmpeg's short name of the format, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    package var formatName: String { text(pointer.pointee.iformat.pointee.name) ?? "unknown" }
    /// Whether the format allows timestamp discontinuities, as MPEG streams do.
    package var mayJump: Bool { pointer.pointee.iformat.pointee.flags & AVFMT_TS_DISCONT != 0 }
    /// Duration in seconds as claimed by the headers or estimated by FFmpeg; nil if unknown.
    package var claimedDuration: Double? {
        timestamp(pointer.pointee.duration).map { Double($0) / Double(AV_TIME_BASE) }.flatMap { $0 > 0 ? $0 : nil }
    }
    /// Duration in seconds that the headers claim for one stream; nil if they give none.
    package func claimedDuration(of index: Int) -> Double? {
        guard let stream = stream(index)?.pointee, let length = timestamp(stream.duration), length > 0 else {
            return nil
        }
        return Double(length) * av_q2d(stream.time_base)
    }
    /// First timestamp in seconds; nil if unknown.
    package var startTime: Double? {
        timestamp(pointer.pointee.start_time).map { Double($0) / Double(AV_TIME_BASE) }
    }
    /// Bit rate of the file in bits per second; nil if unknown.
    package var bitRate: Int64? { pointer.pointee.bit_rate > 0 ? pointer.pointee.bit_rate : nil }
    /// Metadata tags of the container, without those of its streams.
    package var tags: [String: String] { LibavOptions.pairs(pointer.pointee.metadata) }
    package var streamCount: Int { Int(pointer.pointee.nb_streams) }

    /// The stream at `index`, or nil. Owned by the demuxer and valid while it lives.
    func stream(_ index: Int) -> UnsafeMutablePointer<AVStream>? {
        guard index >= 0, index < streamCount else { return nil }
        return pointer.pointee.streams[index]
    }

    /// Codec parameters of a stream. The pointers in them are owned by the demuxer and valid while it lives.
    func parameters(of index: Int) -> AVCodecParameters? { stream(index)?.pointee.codecpar?.pointee }

    /// Time base of a stream; 1/1 if the stream does not exist.
    package func timeBase(of index: Int) -> Rational {
        stream(index).map { Rational($0.pointee.time_base) } ?? Rational(1, 1)
    }

    /// Frames per second that the headers claim for a stream; nil if none or implausible.
    package func claimedRate(of index: Int) -> Double? {
        guard let stream = stream(index)?.pointee else { return nil }
        return [stream.avg_frame_rate, stream.r_frame_rate].lazy.compactMap { Rational($0).value }
            .first { (0.1...1000).contains($0) }
    }

    /// FFmpeg's name of a stream's codec.
    package func codecName(of index: Int) -> String {
        stream(index).flatMap { text(avcodec_get_name($0.pointee.codecpar.pointee.codec_id)) } ?? "unknown"
    }

    // MARK: Reading

    /// Limits reading to the given streams; where the format allows it, the bytes of the others are never read.
    ///
    /// If timestamps may jump, all video and audio streams are still read, and unwanted packets are dropped: a jump can be
    /// corrected consistently only if all streams are seen.
    package func keep(_ keptStreams: some Sequence<Int>) {
        let keptStreams = Set(keptStreams)
        self.keptStreams = keptStreams
        for index in 0..<streamCount {
            let kind = parameters(of: index)?.codec_type
            let isRead =
                keptStreams.contains(index) || mayJump && (kind == AVMEDIA_TYPE_VIDEO || kind == AVMEDIA_TYPE_AUDIO)
            stream(index)?.pointee.discard = isRead ? AVDISCARD_DEFAULT : AVDISCARD_ALL
        }
    }

    /// Reads the next packet.
    ///
    /// Failed reads in a damaged file are counted and retried; after more than 16 in a row, the file counts as ended.
    /// - Returns: False at the end of the file.
    /// - Throws: `MediaError` if cancelled or past the deadline.
    package func read(into packet: Packet) throws(MediaError) -> Bool {
        while true {
            try interrupter.check("reading")
            packet.clear()
            let status = av_read_frame(pointer, packet.pointer)
            if status >= 0 {
                failures = 0
                if hidesBeforeZero { hideBeforeZero(packet) }
                if mayJump { timestampFixer.fix(packet, timeBase: timeBase(of: packet.stream)) }
                if let keptStreams, !keptStreams.contains(packet.stream) { continue }
                return true
            }
            try interrupter.check("reading")
            if status == spreader_error_end_of_file() { return false }
            if status == spreader_error_try_again() { continue }
            failures += 1
            readErrors += 1
            if failures > 16 { return false }
        }
    }

    private func hideBeforeZero(_ packet: Packet) {
        guard let pts = packet.pts, pts < 0, parameters(of: packet.stream)?.codec_type == AVMEDIA_TYPE_VIDEO else {
            return
        }
        packet.pointer.pointee.flags |= AV_PKT_FLAG_DISCARD
    }
}
