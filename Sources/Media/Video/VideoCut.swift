import CFFmpeg
import Foundation
import PipelineKit

/// Executes a ``CutPlan``: copies packets, and encodes the frames between a cut and the next keyframe. Used by one
/// thread.
///
/// Copied and encoded frames refer to different parameter sets, with different ids, in one decoder configuration.
final class VideoCut {
    private let plan: CutPlan
    private let demuxer: Demuxer
    private let stream: Int
    private let sets: ParameterSets
    private let settings: Encoder.VideoSettings
    private let output: OutputFile
    private let outputStream: Int
    private let log: MediaLog
    private let cancellation: CancellationFlag
    private let progress: (Int) -> Void

    /// Number of frames by which decoding can run ahead of presentation: the larger of the footage's and the encoder's.
    private let reorder: Int
    /// Extradata of the first encoder; every later encoder must have the same.
    private let header: [UInt8]
    private var firstEncoder: Encoder?
    private var written = 0

    /// - Parameter progress: Called with the number of frames written so far.
    init(
        _ plan: CutPlan, of task: DeliveryTask, output: OutputFile, progress: @escaping (Int) -> Void
    ) throws(MediaError) {
        self.plan = plan
        self.output = output
        self.progress = progress
        stream = task.track.index
        log = task.source.log
        cancellation = task.source.cancellation
        demuxer = try task.source.demuxer(keeping: stream, from: plan.start)
        guard let sets = ParameterSets(record: demuxer.extradata(of: stream)), let id = sets.freeID else {
            throw MediaError("cutting", text: "the footage's parameter sets can't be combined with others")
        }
        self.sets = sets
        var settings = Encoder.VideoSettings(joining: task.track, decision: task.decision, options: task.options)
        // Encoded frames refer to parameter sets of their own, next to the footage's.
        settings.codecOptions["x264-params", default: ""] += ":sps-id=\(id)"
        self.settings = settings
        let encoder = try Encoder(settings, globalHeader: true, log: log)
        header = Array(encoder.extradata)
        guard let own = ParameterSets(header: encoder.extradata), let record = sets.record(adding: own) else {
            throw MediaError("cutting", text: "the encoder's parameter sets can't be combined with the footage's")
        }
        firstEncoder = encoder
        reorder = max(encoder.reorder, demuxer.reorder(of: stream))
        outputStream = try output.muxer.addStream(
            copying: stream, of: demuxer, extradata: record, frameRate: plan.frameRate)
    }

    /// Writes all packets of the plan.
    /// - Throws: `MediaError` if frames are missing, damaged or not at a constant rate, or the job is cancelled.
    func run() throws(MediaError) {
        let packet = try Packet()
        var boundary: Boundary?
        while try demuxer.read(into: packet) {
            guard packet.stream == stream else { continue }
            try cancellation.check("cutting")
            guard let number = number(of: packet.pts) else { throw VideoCut.uneven }
            if packet.isKey {
                // A new GOP: the one before it is complete.
                if let done = boundary {
                    try finish(done)
                    boundary = nil
                }
                if number >= plan.end { break }
                let isHead = number == plan.headKey && plan.copyStart > plan.first
                if isHead || number >= plan.copyEnd { boundary = try Boundary(decoder: decoder()) }
            }
            if let boundary {
                try boundary.decoder.send(packet)
                try drain(boundary)
            } else if number >= plan.copyStart, number < plan.copyEnd {
                try write(packet, number: number - plan.first)
            }
        }
        if let boundary { try finish(boundary) }
        guard written == plan.count else {
            throw MediaError("cutting", text: "wrote \(written) frames instead of \(plan.count)")
        }
        output.clock.finish(at: Double(written) / (plan.frameRate.value ?? 30))
    }

    static let uneven = MediaError("cutting", text: "the frames' timestamps do not fit a constant rate")

    /// The state of a GOP that a cut goes through.
    private final class Boundary {
        let decoder: Decoder
        var encoder: Encoder?
        let decoded: Frame
        /// Number in the delivery of the first encoded frame.
        var base = 0
        var count = 0

        init(decoder: Decoder) throws(MediaError) {
            self.decoder = decoder
            decoded = try Frame()
        }
    }

    private func decoder() throws(MediaError) -> Decoder { try Decoder(stream: stream, of: demuxer, log: log) }

    private func drain(_ boundary: Boundary) throws(MediaError) {
        while try boundary.decoder.receive(into: boundary.decoded) {
            guard let number = number(of: boundary.decoded.time) else { throw VideoCut.uneven }
            guard number >= plan.first, number < plan.end, number < plan.copyStart || number >= plan.copyEnd else {
                continue
            }
            let encoder: Encoder
            if let open = boundary.encoder {
                encoder = open
            } else {
                encoder = try takeEncoder()
                boundary.encoder = encoder
                boundary.base = number - plan.first
            }
            boundary.decoded.pts = Int64(boundary.count)
            boundary.decoded.dropSideData()
            boundary.count += 1
            try encoder.send(boundary.decoded)
            try drain(encoder, base: boundary.base)
        }
    }

    private func finish(_ boundary: Boundary) throws(MediaError) {
        try boundary.decoder.send(nil)
        try drain(boundary)
        if boundary.decoder.statistics.refusedPackets > 0 || boundary.decoder.statistics.damagedFrames > 0 {
            throw MediaError("cutting", text: "frames around the cut are damaged")
        }
        guard let encoder = boundary.encoder else { return }
        try encoder.send(nil)
        try drain(encoder, base: boundary.base)
    }

    private func takeEncoder() throws(MediaError) -> Encoder {
        if let first = firstEncoder {
            firstEncoder = nil
            return first
        }
        let encoder = try Encoder(settings, globalHeader: true, log: log)
        guard Array(encoder.extradata) == header else {
            throw MediaError("cutting", text: "two encoders with the same settings have different headers")
        }
        return encoder
    }

    private func drain(_ encoder: Encoder, base: Int) throws(MediaError) {
        let packet = try Packet()
        while try encoder.receive(into: packet) {
            let number = base + Int(packet.pts ?? 0)
            try packet.replaceBytes(
                NALUnits.joined(NALUnits.split(packet.bytes), lengthSize: sets.lengthSize))
            try write(packet, number: number)
        }
    }

    /// Writes the next packet in decoding order; `number` is its frame's position in the delivery.
    private func write(_ packet: Packet, number: Int) throws(MediaError) {
        // DTS advances by one frame per packet, so that the rate stays constant across the joints.
        let decoding = written - reorder
        guard decoding <= number else { throw MediaError("cutting", text: "frames are reordered too far") }
        packet.setTimes(pts: Int64(number), dts: Int64(decoding), duration: 1)
        written += 1
        try output.muxer.write(packet, stream: outputStream, timeBase: plan.frameRate.inverse)
        output.clock.advance(to: Double(written) / (plan.frameRate.value ?? 30))
        progress(written)
    }

    /// Number of the footage's frame at PTS `time`; nil if the time lies between two frames.
    private func number(of time: Int64?) -> Int? {
        guard let time, let rate = plan.frameRate.value, let unit = demuxer.timeBase(of: stream).value else {
            return nil
        }
        let position = (Double(time) * unit - plan.origin) * rate
        return abs(position - position.rounded()) < 0.25 ? Int(saturating: position.rounded()) : nil
    }
}
