import CFFmpeg
import Foundation
package import PipelineKit

/// Writes packets into a media file. Owns the format context and the open file.
///
/// One thread sets it up and finishes it; between the two, several threads may call ``write(_:stream:timeBase:)``.
package final class Muxer: @unchecked Sendable {
    // Sendable because `write` and `bytesWritten` hold the lock, and nothing else is called while threads write.
    private let pointer: UnsafeMutablePointer<AVFormatContext>
    let path: String
    private let log: MediaLog
    private var isOpen = false
    private var headerWritten = false
    /// Video and audio are written from different threads.
    private let lock = NSLock()

    /// Prepares a file, whose streams are then added before ``start(settings:)``.
    /// - Parameter format: FFmpeg's name of the container; the path's extension is ignored.
    package init(path: String, format: String, log: MediaLog) throws(MediaError) {
        self.path = path
        self.log = log
        var context: UnsafeMutablePointer<AVFormatContext>?
        try check(
            avformat_alloc_output_context2(&context, nil, format, "file:\(path)"), "preparing the container \(format)",
            file: path, log: log)
        pointer = try allocated(context, "preparing the container \(format)")
        // Write no library version and no creation time: the same input gives the same bytes.
        pointer.pointee.flags |= AVFMT_FLAG_BITEXACT
    }

    deinit {
        if isOpen { avio_closep(&pointer.pointee.pb) }
        avformat_free_context(pointer)
    }

    /// Whether the container stores codec headers separately from the packets.
    package var wantsGlobalHeader: Bool { pointer.pointee.oformat.pointee.flags & AVFMT_GLOBALHEADER != 0 }

    /// Adds a stream for the packets of an encoder.
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

    /// Adds a stream for packets copied from a demuxer, without the source's tags and side data.
    /// - Returns: The stream's index.
    package func addStream(copying index: Int, of demuxer: Demuxer) throws(MediaError) -> Int {
        guard let source = demuxer.stream(index) else {
            throw MediaError("adding a stream", text: "stream \(index) does not exist", file: demuxer.path)
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

    /// Sets the colour tags of a copied stream in the container; unspecified ones stay unchanged.
    func setColour(_ colour: ColourTags, stream index: Int) {
        guard let parameters = pointer.pointee.streams[index]?.pointee.codecpar else { return }
        let numbers = colour.numbers
        if let range = numbers.range { parameters.pointee.color_range = range }
        if let primaries = numbers.primaries { parameters.pointee.color_primaries = primaries }
        if let transfer = numbers.transfer { parameters.pointee.color_trc = transfer }
        if let matrix = numbers.matrix { parameters.pointee.color_space = matrix }
    }

    /// Adds a stream at a constant frame rate whose packets are copied in part and encoded in part.
    /// - Parameter extradata: The codec configuration, which replaces the source's.
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

    /// Adds a display matrix to a stream, as phones write it; used by sample footage.
    package func setRotation(clockwise degrees: Int, mirrored: Bool, stream index: Int) throws(MediaError) {
        guard let stream = pointer.pointee.streams[index] else { return }
        try check(
            spreader_stream_set_rotation(stream, Double(degrees), mirrored ? 1 : 0), "adding a display matrix",
            file: path)
    }

    /// Sets a metadata tag of the container, or of one stream.
    package func setTag(_ key: String, to value: String, stream index: Int? = nil) {
        guard let index else {
            av_dict_set(&pointer.pointee.metadata, key, value, 0)
            return
        }
        if let stream = pointer.pointee.streams[index] { av_dict_set(&stream.pointee.metadata, key, value, 0) }
    }

    /// Creates the file and writes its header.
    /// - Parameter settings: Options of the muxer, by FFmpeg's names; an unknown one is an error.
    package func start(settings values: [String: String] = [:]) throws(MediaError) {
        try check(avio_open(&pointer.pointee.pb, "file:\(path)", AVIO_FLAG_WRITE), "creating", file: path, log: log)
        isOpen = true
        let options = LibavOptions(values)
        try check(avformat_write_header(pointer, &options.pointer), "writing the header", file: path, log: log)
        headerWritten = true
        guard options.unused.isEmpty else {
            throw MediaError(
                "writing the header", text: "unknown settings \(options.unused.joined(separator: ", "))", file: path)
        }
    }

    /// Writes a packet, interleaved with those of other streams. Takes over its data: the packet is empty afterwards.
    /// - Parameter base: Time base of the packet's timestamps.
    package func write(_ packet: Packet, stream index: Int, timeBase base: Rational) throws(MediaError) {
        lock.lock()
        defer { lock.unlock() }
        guard let stream = pointer.pointee.streams[index] else { return }
        packet.pointer.pointee.stream_index = Int32(index)
        packet.pointer.pointee.pos = -1
        av_packet_rescale_ts(packet.pointer, base.av, stream.pointee.time_base)
        try check(av_interleaved_write_frame(pointer, packet.pointer), "writing", file: path, log: log)
    }

    /// Bytes written so far, including buffered ones.
    package var bytesWritten: Int64 {
        lock.lock()
        defer { lock.unlock() }
        guard isOpen, let io = pointer.pointee.pb else { return 0 }
        return avio_tell(io)
    }

    /// Writes the trailer and closes the file. Does nothing if no header was written.
    package func finish() throws(MediaError) {
        guard headerWritten else { return }
        try check(av_write_trailer(pointer), "writing the trailer", file: path, log: log)
        let failure = pointer.pointee.pb?.pointee.error ?? 0
        isOpen = false
        try check(avio_closep(&pointer.pointee.pb), "closing", file: path, log: log)
        try check(failure, "writing", file: path, log: log)
    }
}
