import CFFmpeg
import PipelineKit

/// Reads frames of a prepared video by time, seeking where needed. Used on one thread.
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

    /// Seconds ahead from which seeking is cheaper than decoding all frames up to the target.
    private static let seekThreshold = 2.5

    /// Opens the first video stream of a file.
    init(path: String, cancellation: CancellationFlag) throws(MediaError) {
        log = MediaLog()
        self.cancellation = cancellation
        let demuxer = try Demuxer(path: path, log: log, cancellation: cancellation)
        let found = (0..<demuxer.streamCount).first {
            demuxer.stream($0)?.pointee.codecpar.pointee.codec_type == AVMEDIA_TYPE_VIDEO
        }
        guard let found else { throw MediaError("reading frames", text: "there is no video", file: path) }
        self.demuxer = demuxer
        stream = found
        demuxer.keep([found])
        timeBase = demuxer.timeBase(of: found)
        decoder = try Decoder(stream: found, of: demuxer, log: log)
        packet = try Packet()
        frame = try Frame()
        ahead = try Frame()
    }

    /// PTS in seconds on the file's own timeline, which starts at 0 in deliveries.
    private func time(of frame: Frame) -> Double { Double(frame.time ?? 0) * (timeBase.value ?? 0) }

    /// Calls `body` with every keyframe and its time until it returns false. Decodes no other frames; `body` may take
    /// the frame's content.
    func keyFrames(_ body: (Frame, Double) throws(MediaError) -> Bool) throws(MediaError) {
        try seek(to: 0)
        while try demuxer.read(into: packet) {
            try cancellation.check("reading frames")
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

    /// Calls `body` with the frame shown at each of `times`, which must be in ascending order, and its PTS.
    func frames(at times: [Double], _ body: (Frame, Double) throws(MediaError) -> Void) throws(MediaError) {
        var hasFrame = false
        for wanted in times {
            let now = hasAhead ? time(of: ahead) : -.infinity
            if !hasFrame || wanted - now > FrameReader.seekThreshold {
                try seek(to: wanted)
                hasFrame = false
            }
            // The frame shown at a time is the last one with an earlier or equal PTS.
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
            guard hasFrame else { throw MediaError("reading frames", text: "no frame can be decoded") }
            // Pass a new reference, since the next time may need the same frame.
            try body(try Frame(sharing: frame), time(of: frame))
        }
    }

    /// Decodes the next frame into `ahead`; returns false at the end.
    private func next() throws(MediaError) -> Bool {
        hasAhead = false
        while true {
            try cancellation.check("reading frames")
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

    /// Seeks to the keyframe at or before a time.
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
