import CFFmpeg
import Foundation
package import PipelineKit

/// Writes packets into a media file. Owns the format context and the open file.
///
/// Set up and finished by one thread; between the two, ``write(_:stream:timeBase:)`` may be called from several.
package final class Muxer: @unchecked Sendable {
    // Sendable because writing takes the lock, and nothing else is called while threads write.
    private let pointer: UnsafeMutablePointer<AVFormatContext>
    /// The path being written.
    let path: String
    private let log: MediaLog
    private var isOpen = false
    private var headerWritten = false
    /// Picture and sound are written by threads of their own.
    private let lock = NSLock()

    /// Starts a file; the name's ending does not matter.
    /// - Parameter format: FFmpeg's name of the container.
    package init(path: String, format: String, log: MediaLog) throws(MediaError) {
        self.path = path
        self.log = log
        var context: UnsafeMutablePointer<AVFormatContext>?
        try check(
            avformat_alloc_output_context2(&context, nil, format, "file:\(path)"), "preparing the container \(format)",
            file: path, log: log)
        pointer = try allocated(context, "preparing the container \(format)")
        // No program version, no time of creation: the same input gives the same bytes.
        pointer.pointee.flags |= AVFMT_FLAG_BITEXACT
    }

    deinit {
        if isOpen { avio_closep(&pointer.pointee.pb) }
        avformat_free_context(pointer)
    }

    /// Whether the container wants codec headers apart from the packets.
    package var wantsGlobalHeader: Bool { pointer.pointee.oformat.pointee.flags & AVFMT_GLOBALHEADER != 0 }

    /// Adds a stream that an encoder feeds.
    /// - Returns: The stream's index.
    package func addStream(from encoder: Encoder) throws(MediaError) -> Int {
        let stream = try allocated(avformat_new_stream(pointer, nil), "adding a stream")
        try check(
            avcodec_parameters_from_context(stream.pointee.codecpar, encoder.pointer), "describing a stream", file: path
        )
        stream.pointee.time_base = encoder.pointer.pointee.time_base
        stream.pointee.avg_frame_rate = encoder.pointer.pointee.framerate
        stream.pointee.sample_aspect_ratio = encoder.pointer.pointee.sample_aspect_ratio
        return Int(stream.pointee.index)
    }

    /// Adds a stream whose packets are copied from a demuxer, with none of its tags or side data.
    /// - Returns: The stream's index.
    package func addStream(copying index: Int, of demuxer: Demuxer) throws(MediaError) -> Int {
        guard let source = demuxer.stream(index) else {
            throw MediaError("adding a stream", text: "there is no stream \(index)", file: demuxer.path)
        }
        let stream = try allocated(avformat_new_stream(pointer, nil), "adding a stream")
        try check(
            avcodec_parameters_copy(stream.pointee.codecpar, source.pointee.codecpar), "describing a stream", file: path
        )
        stream.pointee.codecpar.pointee.codec_tag = 0
        stream.pointee.time_base = source.pointee.time_base
        stream.pointee.avg_frame_rate = source.pointee.avg_frame_rate
        return Int(stream.pointee.index)
    }

    /// Says of a copied stream's colours what its bitstream says.
    func setColour(_ colour: ColourTags, stream index: Int) {
        guard let parameters = pointer.pointee.streams[index]?.pointee.codecpar else { return }
        let numbers = colour.numbers
        if let range = numbers.range { parameters.pointee.color_range = range }
        if let primaries = numbers.primaries { parameters.pointee.color_primaries = primaries }
        if let transfer = numbers.transfer { parameters.pointee.color_trc = transfer }
        if let matrix = numbers.matrix { parameters.pointee.color_space = matrix }
    }

    /// Adds a stream whose packets are copied in part, at a constant rate.
    /// - Parameter extradata: The codec's header, in place of the source's.
    func addStream(
        copying index: Int, of demuxer: Demuxer, extradata: [UInt8], frameRate: Rational
    ) throws(MediaError) -> Int {
        let output = try addStream(copying: index, of: demuxer)
        guard let stream = pointer.pointee.streams[output], let parameters = stream.pointee.codecpar else {
            return output
        }
        try check(spreader_set_extradata(parameters, extradata, extradata.count), "describing a stream", file: path)
        stream.pointee.time_base = frameRate.inverse.av
        stream.pointee.avg_frame_rate = frameRate.av
        return output
    }

    /// Gives a stream a display matrix, as phones write it. For sample footage.
    package func setRotation(clockwise degrees: Int, mirrored: Bool, stream index: Int) throws(MediaError) {
        guard let stream = pointer.pointee.streams[index] else { return }
        try check(
            spreader_stream_set_rotation(stream, Double(degrees), mirrored ? 1 : 0), "adding a display matrix",
            file: path)
    }

    /// Sets a tag of the container, or of one of its streams.
    package func setTag(_ key: String, to value: String, stream index: Int? = nil) {
        guard let index else {
            av_dict_set(&pointer.pointee.metadata, key, value, 0)
            return
        }
        if let stream = pointer.pointee.streams[index] { av_dict_set(&stream.pointee.metadata, key, value, 0) }
    }

    /// Opens the file and writes the head.
    package func start(settings values: [String: String] = [:]) throws(MediaError) {
        try check(avio_open(&pointer.pointee.pb, "file:\(path)", AVIO_FLAG_WRITE), "creating", file: path, log: log)
        isOpen = true
        let settings = Settings(values)
        try check(avformat_write_header(pointer, &settings.pointer), "writing the head", file: path, log: log)
        headerWritten = true
        guard settings.unused.isEmpty else {
            throw MediaError(
                "writing the head", text: "unknown settings \(settings.unused.joined(separator: ", "))", file: path)
        }
    }

    /// Writes a packet, sorted among those of the other streams; takes its bytes.
    /// - Parameter base: Time base of the packet's times.
    package func write(_ packet: Packet, stream index: Int, timeBase base: Rational) throws(MediaError) {
        lock.lock()
        defer { lock.unlock() }
        guard let stream = pointer.pointee.streams[index] else { return }
        packet.pointer.pointee.stream_index = Int32(index)
        packet.pointer.pointee.pos = -1
        av_packet_rescale_ts(packet.pointer, base.av, stream.pointee.time_base)
        try check(av_interleaved_write_frame(pointer, packet.pointer), "writing", file: path, log: log)
    }

    /// Bytes written so far, those still in buffers included.
    package var bytesWritten: Int64 {
        lock.lock()
        defer { lock.unlock() }
        guard isOpen, let io = pointer.pointee.pb else { return 0 }
        return avio_tell(io)
    }

    /// Writes the tail and closes the file.
    package func finish() throws(MediaError) {
        guard headerWritten else { return }
        try check(av_write_trailer(pointer), "writing the tail", file: path, log: log)
        let failure = pointer.pointee.pb?.pointee.error ?? 0
        isOpen = false
        try check(avio_closep(&pointer.pointee.pb), "closing", file: path, log: log)
        try check(failure, "writing", file: path, log: log)
    }
}
