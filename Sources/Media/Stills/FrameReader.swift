import CFFmpeg
import PipelineKit

/// Gives frames of a prepared video by time: seeks, decodes, converts. Used on one thread.
final class FrameReader {
    private let demuxer: Demuxer
    private let stream: Int
    private let timeBase: Rational
    private let log: MediaLog
    private let cancellation: CancellationFlag
    private let packet: Packet
    private let frame: Frame
    private let ahead: Frame
    private var decoder: Decoder
    private var hasAhead = false
    private var isAtEnd = false

    /// Farther than this it is cheaper to seek than to decode what lies between.
    private static let patience = 2.5

    /// Opens the first picture of a file.
    init(path: String, cancellation: CancellationFlag) throws(MediaError) {
        log = MediaLog()
        self.cancellation = cancellation
        let demuxer = try Demuxer(path: path, log: log, cancellation: cancellation)
        let found = (0..<demuxer.streamCount).first {
            demuxer.stream($0)?.pointee.codecpar.pointee.codec_type == AVMEDIA_TYPE_VIDEO
        }
        guard let found else { throw MediaError("reading pictures", text: "there is no picture", file: path) }
        self.demuxer = demuxer
        stream = found
        demuxer.keep([found])
        timeBase = demuxer.timeBase(of: found)
        decoder = try Decoder(stream: found, of: demuxer, log: log)
        packet = try Packet()
        frame = try Frame()
        ahead = try Frame()
    }

    /// In the file's own time, which starts at 0 in deliveries.
    private func time(of frame: Frame) -> Double { Double(frame.time ?? 0) * (timeBase.value ?? 0) }

    /// Calls `body`, which may take the frame's content, with every key frame and its time, one after another, until it returns false. Other frames are not
    /// decoded.
    func keyFrames(_ body: (Frame, Double) throws(MediaError) -> Bool) throws(MediaError) {
        try seek(to: 0)
        while try demuxer.read(into: packet) {
            try cancellation.check("reading pictures")
            guard packet.isKey, packet.stream == stream else { continue }
            try decoder.send(packet)
            try decoder.send(nil)
            let isThere = try decoder.receive(into: frame)
            decoder.flush()
            guard isThere else { continue }
            guard try body(frame, time(of: frame)) else { return }
        }
    }

    /// Calls `body` with every frame from `start` to `end` and its time.
    func frames(
        from start: Double, to end: Double, _ body: (Frame, Double) throws(MediaError) -> Void
    ) throws(MediaError) {
        try seek(to: start)
        while try next() {
            let now = time(of: ahead)
            if now > end { return }
            if now >= start { try body(ahead, now) }
        }
    }

    /// Calls `body` with the frame that is shown at each of the times, which rise.
    func frames(at times: [Double], _ body: (Frame, Double) throws(MediaError) -> Void) throws(MediaError) {
        var hasFrame = false
        for wanted in times {
            let now = hasAhead ? time(of: ahead) : -.infinity
            if !hasFrame || wanted - now > FrameReader.patience {
                try seek(to: wanted)
                hasFrame = false
            }
            // The frame that is shown is the last one that began.
            while !hasAhead || time(of: ahead) <= wanted + 0.0005 {
                if hasAhead {
                    frame.take(from: ahead)
                    hasFrame = true
                    hasAhead = false
                }
                guard try next() else { break }
                if !hasFrame, time(of: ahead) > wanted { break }
            }
            if !hasFrame, hasAhead {
                frame.take(from: ahead)
                hasFrame = true
                hasAhead = false
            }
            guard hasFrame else { throw MediaError("reading pictures", text: "no picture can be decoded") }
            // A copy of the reference: the next time may want the same frame.
            try body(try Frame(sharing: frame), time(of: frame))
        }
    }

    /// Decodes the next frame into `ahead`.
    private func next() throws(MediaError) -> Bool {
        hasAhead = false
        while true {
            try cancellation.check("reading pictures")
            if try decoder.receive(into: ahead) {
                hasAhead = true
                return true
            }
            guard !isAtEnd else { return false }
            if try demuxer.read(into: packet) {
                if packet.stream == stream { try decoder.send(packet) }
            } else {
                isAtEnd = true
                try decoder.send(nil)
            }
        }
    }

    /// Goes to the key frame at or before a time.
    private func seek(to seconds: Double) throws(MediaError) {
        let target = ticks(seconds, timeBase.av)
        try check(
            avformat_seek_file(demuxer.pointer, Int32(stream), Int64.min, target, target, 0), "seeking",
            file: demuxer.path, log: log)
        decoder.flush()
        isAtEnd = false
        hasAhead = false
    }
}

extension Frame {
    /// Another reference to the same picture.
    convenience init(sharing other: Frame) throws(MediaError) {
        try self.init()
        try check(av_frame_ref(pointer, other.pointer), "sharing a frame")
    }
}
