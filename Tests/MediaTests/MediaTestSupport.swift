import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Testing

extension MediaFolder {
    /// Writes a clip and gives it as a source.
    func source(_ name: String, _ clip: SampleClip) throws -> SourceFile {
        try clip.write(to: path(name))
        return file(name)
    }

    /// Writes bytes and gives them as a source.
    func source(_ name: String, bytes: Data) throws -> SourceFile {
        try bytes.write(to: url.appendingPathComponent(name))
        return file(name)
    }

    /// A file of the folder as a source.
    func file(_ name: String) -> SourceFile {
        let size = (try? FileManager.default.attributesOfItem(atPath: path(name))[.size] as? NSNumber)?.int64Value
        return SourceFile(file: FileReference(path: path(name), bytes: size ?? 0), displayPath: name)
    }

    /// Probes and delivers.
    func deliver(
        _ source: SourceFile, as name: String = "delivery.mp4", _ change: (inout DeliveryOptions) -> Void = { _ in }
    ) async throws -> Deliverer.Delivery {
        var options = DeliveryOptions()
        options.preset = .ultrafast
        change(&options)
        let media = try await MediaProbe.probe(source)
        return try await Deliverer.deliver(media, options: options, to: path(name), progress: { _ in })
    }
}

/// Facts of a file that we wrote, by probing it again, and by the checker where there is one.
func meetsSpec(
    _ delivery: Deliverer.Delivery, folder: MediaFolder, anyAspect: Bool = false,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
) async throws {
    let media = try await MediaProbe.probe(folder.file((delivery.path as NSString).lastPathComponent))
    let track = try #require(media.videoTrack, sourceLocation: sourceLocation)
    let audio = try #require(media.audioTrack, sourceLocation: sourceLocation)
    #expect(media.fastStart == true, sourceLocation: sourceLocation)
    #expect(media.other.isEmpty && media.video.count == 1 && media.audio.count == 1, sourceLocation: sourceLocation)
    #expect(track.codec == "h264" && track.pixelFormat == "yuv420p", sourceLocation: sourceLocation)
    #expect(track.level ?? 99 <= 42, sourceLocation: sourceLocation)
    #expect(
        [track.colorPrimaries, track.colorTransfer, track.colorSpace] == ["bt709", "bt709", "bt709"],
        sourceLocation: sourceLocation)
    #expect(track.colorRange == "tv" && track.rotation == 0 && !track.mirrored, sourceLocation: sourceLocation)
    #expect(track.sampleAspectRatio == Rational(1, 1), sourceLocation: sourceLocation)
    #expect(track.constantFrameRate != false && track.closedGroups == true, sourceLocation: sourceLocation)
    #expect(track.longestKeyFrameInterval ?? 9 <= 2.05, sourceLocation: sourceLocation)
    #expect(audio.codec == "aac" && audio.profile == "LC", sourceLocation: sourceLocation)
    #expect(audio.sampleRate == 48_000 && audio.channels == 2, sourceLocation: sourceLocation)
    #expect(abs((track.duration ?? 0) - (audio.duration ?? 0)) < 0.05, sourceLocation: sourceLocation)
    #expect(abs(track.startTime ?? 9) < 0.001 && abs(audio.startTime ?? 9) < 0.03, sourceLocation: sourceLocation)
    if let failures = MediaCorpus.failures(of: [delivery.path], arguments: anyAspect ? ["--any-aspect"] : []) {
        #expect(failures == [], sourceLocation: sourceLocation)
    }
    #expect(folder.names.allSatisfy { !$0.hasSuffix(".part") }, sourceLocation: sourceLocation)
}

/// Decoded frames of a file, as red, green and blue.
enum PixelReader {
    /// Colour of the pixel at a share of width and height, in the frame of number `index`.
    static func colour(of path: String, x: Double, y: Double, frame index: Int = 0) throws -> (Int, Int, Int) {
        let log = MediaLog()
        let demuxer = try Demuxer(path: path, log: log, cancellation: CancellationFlag())
        demuxer.keep([0])
        let decoder = try Decoder(stream: 0, of: demuxer, log: log)
        let packet = try Packet()
        let frame = try Frame()
        var number = 0
        while true {
            let more = try demuxer.read(into: packet)
            try decoder.send(more ? packet : nil)
            while try decoder.receive(into: frame) {
                defer { number += 1 }
                guard number == index else { continue }
                let graph = try FilterGraph(
                    video: "[in]scale=in_color_matrix=bt709,format=rgb24[out]", like: frame,
                    timeBase: demuxer.timeBase(of: 0), frameRate: Rational(0, 1), log: log)
                try graph.push(frame)
                let image = try Frame()
                guard case .frame = try graph.pull(into: image) else { continue }
                let pixel = try #require(
                    image.rgb(
                        x: min(image.width - 1, Int(x * Double(image.width))),
                        y: min(image.height - 1, Int(y * Double(image.height)))))
                return (pixel.red, pixel.green, pixel.blue)
            }
            if !more { break }
        }
        throw MediaError("reading a pixel", text: "there is no frame \(index)")
    }

    /// The name of the corner colour nearest to a pixel.
    static func name(of path: String, x: Double, y: Double, frame: Int = 0) throws -> String {
        let (red, green, blue) = try colour(of: path, x: x, y: y, frame: frame)
        let known = [
            ("red", (255, 0, 0)), ("green", (0, 255, 0)), ("blue", (0, 0, 255)), ("white", (255, 255, 255)),
            ("gray", (128, 128, 128)), ("black", (0, 0, 0)),
        ]
        func distance(_ c: (Int, Int, Int)) -> Int {
            (c.0 - red) * (c.0 - red) + (c.1 - green) * (c.1 - green) + (c.2 - blue) * (c.2 - blue)
        }
        return known.min { distance($0.1) < distance($1.1) }?.0 ?? "none"
    }
}

/// Decoded audio of a delivery.
enum AudioReader {
    /// What the audio measures, by FFmpeg's own meter.
    static func loudness(of path: String) throws -> LoudnessReading {
        var reading = LoudnessReading()
        try each(of: path, filters: "ebur128=peak=true:metadata=1") { block in
            // The last block is too short to be measured.
            guard let value = block.metadata("lavfi.r128.I").flatMap(Double.init),
                let peak = block.metadata("lavfi.r128.true_peak").flatMap(Double.init)
            else { return }
            reading.integrated = value > -70 ? value : nil
            reading.truePeak = peak > 0 ? 20 * log10(peak) : nil
        }
        return reading
    }

    /// Seconds at which something is heard after a quiet quarter of a second.
    static func onsets(of path: String) throws -> [Double] {
        var onsets: [Double] = []
        var last = -1.0
        var samples = 0
        try each(of: path, filters: "aformat=sample_fmts=fltp") { block in
            for (index, value) in block.channel(0).enumerated() where abs(value) > 0.02 {
                let time = Double(samples + index) / Double(block.sampleRate)
                if time - last > 0.25 { onsets.append(time) }
                last = time
            }
            samples += block.samples
        }
        return onsets
    }

    /// Decodes the audio, edit lists honoured, and hands its blocks to `body`.
    private static func each(of path: String, filters: String, _ body: (Frame) -> Void) throws {
        let log = MediaLog()
        let demuxer = try Demuxer(path: path, log: log, cancellation: CancellationFlag())
        let decoder = try Decoder(stream: 1, of: demuxer, log: log)
        let (packet, frame, block) = (try Packet(), try Frame(), try Frame())
        var graph: FilterGraph?
        while true {
            let more = try demuxer.read(into: packet)
            if more, packet.stream != 1 { continue }
            try decoder.send(more ? packet : nil)
            while try decoder.receive(into: frame) {
                if graph == nil {
                    graph = try FilterGraph(
                        audio: "[in]\(filters)[out]", like: frame, timeBase: demuxer.timeBase(of: 1), log: log)
                }
                try graph?.push(frame)
                while case .frame? = try graph?.pull(into: block) { body(block) }
            }
            if !more {
                try graph?.close(at: 0)
                while case .frame? = try graph?.pull(into: block) { body(block) }
                return
            }
        }
    }

    /// Seconds until something is heard.
    static func onset(of path: String) throws -> Double {
        let log = MediaLog()
        let demuxer = try Demuxer(path: path, log: log, cancellation: CancellationFlag())
        demuxer.keep([1])
        let decoder = try Decoder(stream: 1, of: demuxer, log: log)
        let packet = try Packet()
        let frame = try Frame()
        var samples = 0
        while true {
            let more = try demuxer.read(into: packet)
            try decoder.send(more ? packet : nil)
            while try decoder.receive(into: frame) {
                if let first = frame.channel(0).firstIndex(where: { abs($0) > 0.02 }) {
                    return Double(samples + first) / Double(frame.sampleRate)
                }
                samples += frame.samples
            }
            if !more { return .infinity }
        }
    }
}

/// All frames of a file, as small frames.
enum FrameReader {
    /// The luma of every frame at 36 × 64, in order of presentation.
    static func luma(of path: String, stream: Int = 0) throws -> [[UInt8]] {
        try frames(of: path, stream: stream, filters: "null", width: 36, height: 64) { pixel in
            [UInt8((pixel.0 + 2 * pixel.1 + pixel.2) / 4)]
        }
    }

    /// Red, green and blue of the first frame at 90 × 160, after `filters`.
    static func colours(of path: String, filters: String) throws -> [UInt8] {
        let found = try frames(of: path, stream: 0, filters: filters, width: 90, height: 160) { pixel in
            [UInt8(pixel.0), UInt8(pixel.1), UInt8(pixel.2)]
        }
        return try #require(found.first)
    }

    private static func frames(
        of path: String, stream: Int, filters: String, width: Int, height: Int,
        _ value: ((Int, Int, Int)) -> [UInt8]
    ) throws -> [[UInt8]] {
        let log = MediaLog()
        let demuxer = try Demuxer(path: path, log: log, cancellation: CancellationFlag())
        demuxer.keep([stream])
        let decoder = try Decoder(stream: stream, of: demuxer, log: log)
        let (packet, frame) = (try Packet(), try Frame())
        var graph: FilterGraph?
        var frames: [[UInt8]] = []
        while true {
            let more = try demuxer.read(into: packet)
            if more, packet.stream != stream { continue }
            try decoder.send(more ? packet : nil)
            while try decoder.receive(into: frame) {
                if graph == nil {
                    graph = try FilterGraph(
                        video:
                            "[in]\(filters),scale=\(width):\(height):flags=area:in_color_matrix=bt709,format=rgb24[out]",
                        like: frame, timeBase: demuxer.timeBase(of: stream), frameRate: Rational(0, 1), log: log)
                }
                try graph?.push(frame)
                let small = try Frame()
                guard case .frame? = try graph?.pull(into: small) else { continue }
                frames.append(
                    (0..<height).flatMap { y in
                        (0..<width).flatMap { x in
                            value(small.rgb(x: x, y: y).map { ($0.red, $0.green, $0.blue) } ?? (0, 0, 0))
                        }
                    })
            }
            if !more { return frames }
        }
    }

    /// Mean absolute difference of two frames.
    static func difference(_ left: [UInt8], _ right: [UInt8]) -> Double {
        Double(zip(left, right).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }) / Double(max(1, left.count))
    }
}
