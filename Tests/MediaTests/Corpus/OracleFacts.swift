import Foundation

/// What `ffprobe` says of footage.
struct OracleFacts {
    /// A stream.
    struct Stream: Decodable {
        var index: Int
        var codec_name: String?
        var width: Int?
        var height: Int?
        var pix_fmt: String?
        var color_range: String?
        var color_space: String?
        var color_transfer: String?
        var color_primaries: String?
        var start_time: String?
    }

    /// The chosen video stream.
    let video: Stream
    /// Times of its packets, in order.
    let times: [Double]
    /// When its first frame that can be decoded is shown.
    let start: Double
    /// Where the audio that is delivered lies; nil for none.
    let audio: ClosedRange<Double>?
    private let lengths: [Double: Double]

    private struct Packet: Decodable {
        var stream_index: Int
        var pts_time: String?
        var dts_time: String?
        var duration_time: String?
        var flags: String?

        var isKey: Bool { flags?.hasPrefix("K") == true }
    }
    private struct Report: Decodable {
        var streams: [Stream]
        var packets: [Packet]
    }

    /// Reads the file.
    /// - Parameter early: Seconds by which `ffmpeg` shows this video before its time.
    init(of path: String, video: Int, audio: Int?, early: Double, scratch: String) throws {
        let output = try OracleTool.run(
            OracleTool.ffprobe,
            [
                "-v", "quiet", "-of", "json", "-show_entries",
                "packet=stream_index,pts_time,dts_time,duration_time,flags:stream=index,codec_name,width,height,pix_fmt,color_range,color_space,"
                    + "color_transfer,color_primaries,start_time", path,
            ], scratch: scratch)
        let report = try JSONDecoder().decode(Report.self, from: output.bytes)
        guard let stream = report.streams.first(where: { $0.index == video }) else {
            throw OracleTool.Failure(description: "ffprobe finds no stream \(video)")
        }
        self.video = stream
        var lengths: [Double: Double] = [:]
        var (audioStart, audioEnd): (Double?, Double?)
        let own = report.packets.filter { $0.stream_index == video }
        // Without times of presentation those of decoding must do.
        let isOrdered = own.allSatisfy { $0.pts_time == nil }
        func time(_ packet: Packet) -> Double? {
            (packet.stream_index == video && isOrdered ? packet.dts_time : packet.pts_time).flatMap(Double.init)
        }
        for packet in report.packets {
            guard let time = time(packet) else { continue }
            let length = packet.duration_time.flatMap(Double.init) ?? 0
            if packet.stream_index == video { lengths[time] = length }
            if packet.stream_index == audio {
                audioStart = min(audioStart ?? time, time)
                audioEnd = max(audioEnd ?? time, time + length)
            }
        }
        self.lengths = lengths
        times = lengths.keys.sorted()
        let claimed = (stream.start_time.flatMap(Double.init) ?? times.first ?? 0) - early
        // Before the first key frame there is nothing to see.
        let isKeyed = early > 0 || own.first?.isKey == true
        start = isKeyed ? claimed : max(claimed, own.first { $0.isKey }.flatMap(time) ?? claimed)
        let told = report.streams.first { $0.index == audio }?.start_time.flatMap(Double.init)
        if let start = told ?? audioStart, let audioEnd, start <= audioEnd {
            self.audio = (start - early)...(audioEnd - early)
        } else {
            self.audio = nil
        }
    }

    /// Where a delivery of all of the footage starts: with the video, or with the audio when that is up to `lead`
    /// seconds earlier.
    func origin(lead: Double) -> Double {
        guard let audio, audio.lowerBound < start, start - audio.lowerBound <= lead else { return start }
        return audio.lowerBound
    }

    /// Where the decoded frames end.
    func end(of decoded: [Double]) -> Double? {
        guard let last = decoded.max() else { return nil }
        let before = decoded.filter { $0 < last }.max()
        let told = lengths.min { abs($0.key - last) < abs($1.key - last) }?.value ?? 0
        return last + (told > 0 ? told : before.map { last - $0 } ?? 0)
    }

    /// A range of times that holds the frame which is shown at a time, and its neighbours. A field may have a packet of
    /// its own.
    func surroundings(of time: Double) -> ClosedRange<Double> {
        guard let first = times.first, let last = times.last else { return time...time }
        let shown = times.lastIndex { $0 <= time } ?? 0
        return (shown >= 4 ? times[shown - 4] : first)...(shown + 4 < times.count ? times[shown + 4] : last)
    }
}
