import CFFmpeg

/// An encoded packet of one stream. Can be reused for the next read; owns its `AVPacket` reference.
package final class Packet {
    let pointer: UnsafeMutablePointer<AVPacket>

    /// Creates an empty packet, to be filled by a demuxer or an encoder.
    package init() throws(MediaError) {
        pointer = try allocated(av_packet_alloc(), "allocating a packet")
    }

    /// Moves the content out of `other`, which is empty afterwards.
    package init(taking other: Packet) throws(MediaError) {
        pointer = try allocated(av_packet_alloc(), "allocating a packet")
        av_packet_move_ref(pointer, other.pointer)
    }

    deinit {
        var packet: UnsafeMutablePointer<AVPacket>? = pointer
        av_packet_free(&packet)
    }

    /// Index of the packet's stream.
    package var stream: Int { Int(pointer.pointee.stream_index) }
    /// PTS in the stream's time base; nil if missing.
    package var pts: Int64? { timestamp(pointer.pointee.pts) }
    /// DTS in the stream's time base; nil if missing.
    package var dts: Int64? { timestamp(pointer.pointee.dts) }
    /// Duration in the stream's time base; 0 if unknown.
    package var duration: Int64 { bounded(pointer.pointee.duration) }
    /// Size of the data in bytes.
    package var size: Int { Int(pointer.pointee.size) }
    /// Whether the packet is flagged as a keyframe.
    package var isKey: Bool { pointer.pointee.flags & AV_PKT_FLAG_KEY != 0 }
    /// Whether the demuxer found that bytes are missing or wrong.
    package var isCorrupt: Bool { pointer.pointee.flags & AV_PKT_FLAG_CORRUPT != 0 }
    /// Whether an edit list hides the packet: it is decoded as a reference but not shown.
    package var isHidden: Bool { pointer.pointee.flags & AV_PKT_FLAG_DISCARD != 0 }

    /// Whether the packet holds only a frame that is never shown, which VP8 and VP9 use as a reference.
    package func isReferenceOnly(codec: String) -> Bool {
        guard let bytes = pointer.pointee.data, size > 0 else { return false }
        switch codec {
        case "vp8":
            // Frame tag: the fifth bit is `show_frame` (RFC 6386, 9.1).
            return bytes[0] & 0x10 == 0
        case "vp9":
            // A superframe, recognised by its last byte, always shows one of its frames (VP9 specification, annex B).
            guard bytes[size - 1] & 0xe0 != 0xc0 else { return false }
            let isProfile3 = bytes[0] & 0x30 == 0x30
            let shift: UInt8 = isProfile3 ? 2 : 3
            let showsExisting = bytes[0] >> shift & 1 == 1
            return !showsExisting && bytes[0] >> (shift - 2) & 1 == 0
        default:
            return false
        }
    }

    /// The packet's data; owned by the packet and valid until it changes.
    var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: pointer.pointee.data, count: size) }

    /// Replaces the packet's data, keeping timestamps and flags.
    func replaceBytes(_ bytes: [UInt8]) throws(MediaError) {
        let fresh = try allocated(av_packet_alloc(), "allocating a packet")
        var owned: UnsafeMutablePointer<AVPacket>? = fresh
        defer { av_packet_free(&owned) }
        try check(av_new_packet(fresh, Int32(bytes.count)), "allocating a packet")
        try check(av_packet_copy_props(fresh, pointer), "copying a packet")
        bytes.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { fresh.pointee.data.update(from: base, count: source.count) }
        }
        av_packet_unref(pointer)
        av_packet_move_ref(pointer, fresh)
    }

    /// Sets the timestamps, in the time base that is passed to ``Muxer/write(_:stream:timeBase:)``.
    func setTimes(pts: Int64, dts: Int64, duration: Int64) {
        pointer.pointee.pts = pts
        pointer.pointee.dts = dts
        pointer.pointee.duration = duration
    }

    /// Releases the data, so that the packet can be reused.
    package func clear() { av_packet_unref(pointer) }

    /// Adds `offset` to PTS and DTS.
    package func shift(by offset: Int64) {
        if let pts { pointer.pointee.pts = pts + bounded(offset) }
        if let dts { pointer.pointee.dts = dts + bounded(offset) }
    }
}

// A packet belongs to one thread at a time, like a frame.
extension Packet: @unchecked Sendable {}
