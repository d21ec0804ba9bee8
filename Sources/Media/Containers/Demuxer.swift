import CFFmpeg
import Foundation
package import PipelineKit

/// Reads packets from a media file. Owns the format context and closes it.
///
/// Files are recognised by their content alone. Playlists and other formats that name further files are never opened.
package final class Demuxer {
    /// How much is read to recognise and describe the streams.
    private static let probeBytes = 20_000_000
    private static let analyseMicroseconds = 15_000_000
    /// Formats that point at other files, or are no media.
    private static let refusedFormats: Set<String> = [
        "hls", "applehttp", "dash", "concat", "image2", "lavfi", "sdp", "rtsp", "ffmetadata", "tty", "imf", "bin",
        "data", "alias_pix", "brender_pix", "txd", "vapoursynth", "avisynth", "webvtt", "srt", "ass", "libgme",
    ]

    /// How streams are described beyond what the container's header says.
    package enum Description {
        /// By decoding a little.
        case decoding
        /// Not at all.
        case header
        /// As in a demuxer that has the same file open.
        case other(Demuxer)
    }

    /// Whether a container's header names all streams and its index can be trusted, by FFmpeg's name of the format.
    static func isIndexed(_ format: String) -> Bool { ["mp4", "matroska"].contains(where: format.contains) }

    let pointer: UnsafeMutablePointer<AVFormatContext>
    /// The path being read.
    package let path: String
    private let log: MediaLog
    private let interrupter: Interrupter
    private let hidesBeforeZero: Bool
    private var mender = TimelineMender()
    /// The streams whose packets are given; nil for all.
    private var wanted: Set<Int>?
    /// Reads in a row that failed without reaching the end.
    private var failures = 0
    /// Reads that failed and were passed over.
    package private(set) var readErrors = 0

    /// Opens a file.
    /// - Parameters:
    ///   - description: Where what headers leave out is learned.
    ///   - deadline: When reading ends with an error, however far it came; nil for never.
    /// - Throws: `MediaError` when it can't be read or is no media.
    package init(
        path: String, log: MediaLog, cancellation: CancellationFlag, description: Description = .decoding,
        deadline: ContinuousClock.Instant? = nil
    ) throws(MediaError) {
        self.path = path
        self.log = log
        interrupter = Interrupter(cancellation: cancellation, deadline: deadline)
        let format = try Demuxer.recognise(path: path, log: log)
        let context = try allocated(avformat_alloc_context(), "allocating a demuxer")
        // The context lives no longer than this object, which keeps the interrupter alive.
        context.pointee.interrupt_callback.opaque = Unmanaged.passUnretained(interrupter).toOpaque()
        context.pointee.interrupt_callback.callback = { opaque in
            guard let opaque else { return 0 }
            return Unmanaged<Interrupter>.fromOpaque(opaque).takeUnretainedValue().isOver ? 1 : 0
        }
        context.pointee.probesize = Int64(Demuxer.probeBytes)
        context.pointee.max_analyze_duration = Int64(Demuxer.analyseMicroseconds)
        // Missing timestamps are computed; damaged packets are handed on so that they can be counted.
        context.pointee.flags |= AVFMT_FLAG_GENPTS
        var owned: UnsafeMutablePointer<AVFormatContext>? = context
        let settings = Settings(["protocol_whitelist": "file"])
        // FFmpeg shifts the times of a track whose edit begins before its first key frame. Without its help, times are
        // right and what the edit hides lies before zero.
        hidesBeforeZero =
            text(format.pointee.name)?.contains("mp4") == true && MovieHeader(path: path)?.cutsIntoAGroup == true
        if hidesBeforeZero { av_dict_set(&settings.pointer, "advanced_editlist", "0", 0) }
        // On failure the library frees the context.
        let opened = avformat_open_input(&owned, "file:\(path)", format, &settings.pointer)
        // An interrupted read looks like a damaged file.
        try interrupter.check("opening")
        try check(opened, "opening", file: path, log: log)
        pointer = context
        if case .header = description { return }
        if case .other(let other) = description, try takeParameters(of: other) { return }
        let answer = Demuxer.findStreamInfo(context)
        try interrupter.check("opening")
        if answer < 0, context.pointee.nb_streams == 0 {
            throw MediaError("reading the streams", number: answer, file: path, log: log)
        }
    }

    /// Takes over what another demuxer of the same file knows of its streams, where the header fixes which these are.
    private func takeParameters(of other: Demuxer) throws(MediaError) -> Bool {
        guard Demuxer.isIndexed(formatName), streamCount == other.streamCount else {
            return false
        }
        for index in 0..<streamCount {
            guard let mine = stream(index), let theirs = other.stream(index) else { return false }
            try check(
                avcodec_parameters_copy(mine.pointee.codecpar, theirs.pointee.codecpar), "describing a stream",
                file: path)
        }
        return true
    }

    deinit {
        var context: UnsafeMutablePointer<AVFormatContext>? = pointer
        avformat_close_input(&context)
    }

    /// The demuxer for the content of `path`; the name plays no part.
    private static func recognise(path: String, log: MediaLog) throws(MediaError) -> UnsafePointer<AVInputFormat> {
        var io: UnsafeMutablePointer<AVIOContext>?
        try check(avio_open2(&io, "file:\(path)", AVIO_FLAG_READ, nil, nil), "opening", file: path, log: log)
        defer { avio_closep(&io) }
        var format: UnsafePointer<AVInputFormat>?
        try check(
            av_probe_input_buffer2(io, &format, "", nil, 0, UInt32(1 << 20)), "recognising the format", file: path,
            log: log)
        guard let format, let name = text(format.pointee.name) else {
            throw MediaError("recognising the format", text: "no known format", file: path, log: log)
        }
        if name.hasSuffix("_pipe") {
            throw MediaError(imageOperation, text: "it is a still image (\(name.dropLast(5)))", file: path)
        }
        if name.split(separator: ",").contains(where: { refusedFormats.contains(String($0)) }) {
            throw MediaError(
                "recognising the format", text: "\(name) is a playlist or text and no footage", file: path)
        }
        return format
    }

    /// What `MediaError.operation` says of still images.
    static let imageOperation = "recognising a still image"

    /// Describes the streams, with a limit on the size of pictures that the library decodes on the way.
    private static func findStreamInfo(_ context: UnsafeMutablePointer<AVFormatContext>) -> Int32 {
        let count = Int(context.pointee.nb_streams)
        var dictionaries: [OpaquePointer?] = (0..<count).map { _ in
            var dictionary: OpaquePointer?
            av_dict_set(&dictionary, "max_pixels", "\(Decoder.maximumPixels)", 0)
            av_dict_set(&dictionary, "threads", "1", 0)
            return dictionary
        }
        let answer = avformat_find_stream_info(context, &dictionaries)
        for index in dictionaries.indices { av_dict_free(&dictionaries[index]) }
        return answer
    }

    // MARK: What the file says of itself

    /// FFmpeg's short name of the format, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    package var formatName: String { text(pointer.pointee.iformat.pointee.name) ?? "unknown" }
    /// Whether timestamps of this format may jump (MPEG streams).
    package var mayJump: Bool { pointer.pointee.iformat.pointee.flags & AVFMT_TS_DISCONT != 0 }
    /// Length in seconds as the headers claim or the library estimates.
    package var claimedDuration: Double? {
        timestamp(pointer.pointee.duration).map { Double($0) / Double(AV_TIME_BASE) }.flatMap { $0 > 0 ? $0 : nil }
    }
    /// Length in seconds that the headers claim of one stream, where they tell it apart from the rest.
    package func claimedDuration(of index: Int) -> Double? {
        guard let stream = stream(index)?.pointee, let length = timestamp(stream.duration), length > 0 else {
            return nil
        }
        return Double(length) * av_q2d(stream.time_base)
    }
    /// First timestamp in seconds.
    package var startTime: Double? {
        timestamp(pointer.pointee.start_time).map { Double($0) / Double(AV_TIME_BASE) }
    }
    /// Bits per second.
    package var bitRate: Int64? { pointer.pointee.bit_rate > 0 ? pointer.pointee.bit_rate : nil }
    /// The container's tags.
    package var tags: [String: String] { Settings.pairs(pointer.pointee.metadata) }
    /// The number of streams.
    package var streamCount: Int { Int(pointer.pointee.nb_streams) }

    /// A stream; the pointer is valid as long as the demuxer.
    func stream(_ index: Int) -> UnsafeMutablePointer<AVStream>? {
        guard index >= 0, index < streamCount else { return nil }
        return pointer.pointee.streams[index]
    }

    /// What is known of a stream's codec; the pointers in it are valid as long as the demuxer.
    func parameters(of index: Int) -> AVCodecParameters? { stream(index)?.pointee.codecpar?.pointee }

    /// The time base of a stream.
    package func timeBase(of index: Int) -> Rational {
        stream(index).map { Rational($0.pointee.time_base) } ?? Rational(1, 1)
    }

    /// Frames a second that the headers claim of a stream.
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

    /// Reads only the named streams; where the format allows it, the bytes of the others are never touched.
    ///
    /// Where timestamps may jump, pictures and sounds that are not wanted are read and passed over: a jump is the same for
    /// all of them only when all of them are looked at.
    package func keep(_ wanted: some Sequence<Int>) {
        let wanted = Set(wanted)
        self.wanted = wanted
        for index in 0..<streamCount {
            let kind = parameters(of: index)?.codec_type
            let isRead =
                wanted.contains(index) || mayJump && (kind == AVMEDIA_TYPE_VIDEO || kind == AVMEDIA_TYPE_AUDIO)
            stream(index)?.pointee.discard = isRead ? AVDISCARD_DEFAULT : AVDISCARD_ALL
        }
    }

    /// Reads the next packet.
    ///
    /// A read that fails in the middle of a damaged file is tried again a few times; a file that just ends early is
    /// treated as its end, and counted.
    /// - Returns: False at the end.
    /// - Throws: `MediaError` when cancelled.
    package func read(into packet: Packet) throws(MediaError) -> Bool {
        while true {
            try interrupter.check("reading")
            packet.clear()
            let answer = av_read_frame(pointer, packet.pointer)
            if answer >= 0 {
                failures = 0
                if hidesBeforeZero { hideBeforeZero(packet) }
                if mayJump { mender.mend(packet, timeBase: timeBase(of: packet.stream)) }
                if let wanted, !wanted.contains(packet.stream) { continue }
                return true
            }
            try interrupter.check("reading")
            if answer == spreader_error_end_of_file() { return false }
            if answer == spreader_error_try_again() { continue }
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
