import Foundation
import PipelineKit

/// What carries one kind of stream from the source to the delivery.
protocol DeliveryLane: AnyObject {
    /// Takes a packet of the source, whose content it may keep.
    func accept(_ packet: Packet) throws(MediaError)
    /// Seconds of the delivery that are done.
    var seconds: Double { get }
}

/// Decodes, filters and encodes the picture.
final class PictureEncodingLane: DeliveryLane {
    private let decision: DeliveryDecision
    private let options: DeliveryOptions
    private let track: VideoTrack
    private let orientation: Orientation
    private let decoder: Decoder
    private let encoder: Encoder
    private let muxer: Muxer
    private let output: Int
    private let log: MediaLog
    private let cancellation: CancellationFlag
    private let timeBase: Rational
    private let origin: Int64

    private let decoded: Frame
    private let filtered: Frame
    private let encoded: Packet
    /// The frame before the current one: shown until the next begins, dropped when that is before the delivery starts.
    private var waiting: Frame
    private var hasWaiting = false
    private var lastTime: Int64?
    private var lastStep: Int64
    /// One frame of the delivery, in the source's time base.
    private let outputStep: Int64
    private var graph: FilterGraph?
    private var shape: FrameShape?

    /// Frames given to the encoder.
    private(set) var frames = 0
    /// Frames dropped because their time was before that of an earlier one.
    private(set) var disorderedFrames = 0

    init(
        demuxer: Demuxer, media: ProbedMedia, track: VideoTrack, decision: DeliveryDecision, options: DeliveryOptions,
        quality: EncoderQuality, muxer: Muxer, log: MediaLog, cancellation: CancellationFlag
    ) throws(MediaError) {
        self.decision = decision
        self.options = options
        self.track = track
        self.muxer = muxer
        self.log = log
        self.cancellation = cancellation
        orientation = Orientation(rotation: track.rotation, mirrored: track.mirrored)
        decoder = try Decoder(stream: track.index, of: demuxer, log: log)
        encoder = try Encoder(
            quality.picture(decision: decision, options: options), globalHeader: muxer.wantsGlobalHeader, log: log)
        output = try muxer.addStream(from: encoder)
        timeBase = demuxer.timeBase(of: track.index)
        origin = ticks(decision.start, timeBase.av)
        outputStep = max(1, ticks(1 / (decision.frameRate.value ?? 30), timeBase.av))
        let own = track.averageFrameRate.value.flatMap { (1.0...1000).contains($0) ? $0 : nil }
        lastStep = max(1, ticks(1 / (own ?? decision.frameRate.value ?? 30), timeBase.av))
        decoded = try Frame()
        filtered = try Frame()
        encoded = try Packet()
        waiting = try Frame()
    }

    /// Whether the delivery has all the frames that it may have.
    var isFull: Bool { frames >= decision.frameLimit }
    var seconds: Double { Double(frames) / (decision.frameRate.value ?? 30) }
    /// Decoded frames, damaged ones among them, and packets that gave none.
    var tally: (decoded: Int, damaged: Int, refused: Int) {
        (decoder.frames, decoder.damagedFrames, decoder.refusedPackets)
    }

    func accept(_ packet: Packet) throws(MediaError) {
        guard !isFull else { return }
        try decoder.send(packet)
        try drainDecoder()
    }

    /// Ends the picture.
    /// - Parameter soundEnd: Where the sound ends, in seconds of the delivery; the last picture stands that long.
    func finish(soundEnd: Double?) throws(MediaError) {
        if !isFull {
            try decoder.send(nil)
            try drainDecoder()
        }
        if !isFull, hasWaiting {
            let start = waiting.pts
            var end = start + (waiting.duration > 0 ? waiting.duration : lastStep)
            // A single picture without a length is still a picture.
            if frames == 0 { end = max(end, max(start, 0) + outputStep) }
            if let soundEnd {
                let wanted = ticks(soundEnd, timeBase.av)
                let hold = ticks(DeliveryDecision.longestHold, timeBase.av)
                if wanted > end, wanted - end <= hold { end = wanted }
            }
            hasWaiting = false
            try filter(waiting)
            try graph?.close(at: max(end, start + 1))
            try drainGraph()
        }
        try encoder.send(nil)
        try drainEncoder()
    }

    private func drainDecoder() throws(MediaError) {
        while !isFull, try decoder.receive(into: decoded) {
            try cancellation.check("decoding")
            let time: Int64
            if let told = decoded.time {
                time = told - origin
            } else {
                time = (lastTime ?? -lastStep) + lastStep
            }
            if let lastTime {
                guard time > lastTime else {
                    disorderedFrames += 1
                    continue
                }
                lastStep = time - lastTime
            }
            lastTime = time
            decoded.pts = time
            if hasWaiting {
                // Nothing of a frame that ends before the delivery starts is ever seen.
                if time > 0 { try filter(waiting) } else { waiting.clear() }
            }
            waiting.take(from: decoded)
            hasWaiting = true
        }
    }

    /// Sends a frame through the graph, which is built anew when frames change their shape.
    private func filter(_ frame: Frame) throws(MediaError) {
        let shape = FrameShape(frame)
        if shape != self.shape {
            if let graph {
                try graph.close(at: frame.pts)
                try drainGraph()
            }
            guard !isFull else { return }
            graph = try makeGraph(for: frame)
            self.shape = shape
        }
        try graph?.push(frame)
        try drainGraph()
    }

    private func makeGraph(for frame: Frame) throws(MediaError) -> FilterGraph {
        let told = frame.sampleAspectRatio
        // A change of size in mid-stream comes with its own shape of pixels; otherwise the container's word holds.
        let isUsualSize = frame.width == track.codedWidth && frame.height == track.codedHeight
        let aspect = isUsualSize ? track.sampleAspectRatio : told.numerator > 0 ? told : Rational(1, 1)
        let ratio = aspect.value ?? 1
        let layout = PictureLayout(
            width: frame.width, height: frame.height, aspect: abs(ratio - 1) > 0.005 ? aspect : Rational(1, 1),
            orientation: orientation, canvasWidth: decision.width, canvasHeight: decision.height, fit: options.fit,
            focus: options.focus)
        var tags = frame.colour
        tags.range = tags.range ?? track.colorRange
        tags.primaries = tags.primaries ?? track.colorPrimaries
        tags.transfer = tags.transfer ?? track.colorTransfer
        tags.matrix = tags.matrix ?? track.colorSpace
        let colour = ColourPlan(
            tags: tags, pixelFormat: frame.pixelFormat, height: min(frame.width, frame.height),
            peakLuminance: frame.peakLuminance)
        let own = track.averageFrameRate.value ?? 0
        let description = PictureGraph(
            layout: layout, orientation: orientation, colour: colour, fit: options.fit, background: options.background,
            frameRate: decision.frameRate, dropsFrames: own > (decision.frameRate.value ?? 30) * 1.05,
            deinterlaces: decision.deinterlaces, start: seconds
        ).description
        return try FilterGraph(
            picture: description, like: frame, timeBase: timeBase, frameRate: Rational(0, 1), log: log)
    }

    private func drainGraph() throws(MediaError) {
        guard let graph else { return }
        while !isFull, try graph.pull(into: filtered) == .frame {
            try cancellation.check("encoding")
            filtered.pts = Int64(frames)
            filtered.dropSideData()
            frames += 1
            try encoder.send(filtered)
            filtered.clear()
            try drainEncoder()
        }
    }

    private func drainEncoder() throws(MediaError) {
        while try encoder.receive(into: encoded) {
            try muxer.write(encoded, stream: output, timeBase: encoder.timeBase)
        }
    }
}

/// What a filter graph is built for.
private struct FrameShape: Equatable {
    let width: Int
    let height: Int
    let pixelFormat: String
    let aspect: Rational
    let colour: ColourTags

    init(_ frame: Frame) {
        width = frame.width
        height = frame.height
        pixelFormat = frame.pixelFormat
        aspect = frame.sampleAspectRatio
        colour = frame.colour
    }
}

/// Copies packets.
final class CopyLane: DeliveryLane {
    private let muxer: Muxer
    private let output: Int
    private let timeBase: Rational
    private let origin: Int64
    private var end: Int64 = 0
    /// Packets copied.
    private(set) var packets = 0

    init(demuxer: Demuxer, stream index: Int, start: Double, muxer: Muxer) throws(MediaError) {
        self.muxer = muxer
        output = try muxer.addStream(copying: index, of: demuxer)
        timeBase = demuxer.timeBase(of: index)
        origin = ticks(start, timeBase.av)
    }

    var seconds: Double { Double(end) * (timeBase.value ?? 0) }

    func accept(_ packet: Packet) throws(MediaError) {
        packet.shift(by: -origin)
        end = max(end, (packet.pts ?? packet.dts ?? end) + packet.duration)
        packets += 1
        try muxer.write(packet, stream: output, timeBase: timeBase)
    }
}
