import Foundation
import PipelineKit

/// One attempt at writing a delivery: a chain of threads that decode, filter, encode and write.
///
/// Video and audio read the file independently, so that neither buffers packets for the other, and memory does not
/// depend on how the file is interleaved.
final class DeliveryJob {
    /// How an attempt can end without an error.
    enum Outcome {
        case finished
        /// The file exceeds the size limit and can't be used.
        case tooLarge
    }

    private let media: ProbedMedia
    private let track: VideoTrack
    private let options: DeliveryOptions
    private let decision: DeliveryDecision
    private let quality: EncoderQuality
    private let muxer: Muxer
    private let source: FootageSource
    private let log: MediaLog
    private let cancellation: CancellationFlag
    private let progress: @Sendable (StageProgress) -> Void
    private let started = ContinuousClock.now
    private let clock = VideoProgressClock()
    private let crew: WorkerThreads

    private var decodeLoop: VideoDecodeLoop?
    private var encoding: VideoEncodeLoop?
    private var mill: VideoFilterPipeline?
    private var audio: AudioEncodeLoop?

    /// Problems in the result that the user should know of.
    private(set) var warnings: [String] = []
    /// Loudness of the encoded audio; nil if the audio was not normalised.
    var audioReading: LoudnessReading? { audio?.reading }

    /// Frames that may be queued for the filters and for the encoder: enough to have the next one ready.
    private static let framesInHand = 1
    /// Above this size in bytes, space for `moov` is reserved at the front instead of rewriting the file.
    private static let largeFile: Int64 = 24_000_000

    init(
        media: ProbedMedia, options: DeliveryOptions, decision: DeliveryDecision, quality: EncoderQuality,
        path: String, log: MediaLog, cancellation: CancellationFlag,
        progress: @escaping @Sendable (StageProgress) -> Void
    ) throws(MediaError) {
        guard let track = media.videoTrack else {
            throw MediaError("choosing the video track", text: "there is none", file: media.source.file.path)
        }
        self.media = media
        self.track = track
        self.options = options
        self.decision = decision
        self.quality = quality
        self.log = log
        self.cancellation = cancellation
        self.progress = progress
        source = FootageSource(media: media, log: log, cancellation: cancellation)
        muxer = try Muxer(path: path, format: "mp4", log: log)
        crew = WorkerThreads(cancellation: cancellation, log: log)
        crew.connect(clock)
    }

    /// Starts all threads and waits until the file is written.
    /// - Throws: `MediaError` if a library call fails, the disk is full, nothing can be decoded or the job is cancelled.
    func run() throws(MediaError) -> Outcome {
        // Add all streams before the header is written, and start threads after that.
        let videoWork = try prepareVideo()
        let audioWork = try prepareAudio()
        for (key, value) in decision.tags { muxer.setTag(key, to: value) }
        try muxer.start(settings: head)
        for (name, body) in videoWork + audioWork { crew.start(name, body) }
        do throws(MediaError) {
            try crew.join()
        } catch {
            if error == DeliveryJob.tooLarge { return .tooLarge }
            throw error
        }
        try reckonUp()
        try muxer.finish()
        report(seconds: clock.position, isFinished: true)
        let bytes = (try? FileManager.default.attributesOfItem(atPath: muxer.path)[.size] as? NSNumber)?.int64Value ?? 0
        return bytes > options.maxBytes ? .tooLarge : .finished
    }

    private typealias Work = (name: String, body: @Sendable () throws(MediaError) -> Void)

    private func prepareVideo() throws(MediaError) -> [Work] {
        switch decision.video {
        case .copy: return [try prepareCopy()]
        case .smartcut(let plan): return [try prepareCut(plan)]
        case .encode: return try prepareEncoding()
        }
    }

    private func prepareCopy() throws(MediaError) -> Work {
        let others = decision.audio == .copy ? decision.audioStream.map { [$0] } ?? [] : []
        let demuxer = try source.demuxer(needsStreamInfo: false)
        let copy = Owned(
            try PacketCopy(
                demuxer: demuxer, video: track.index, others: others, start: decision.start, muxer: muxer,
                clock: clock, cancellation: cancellation, progress: { [reporter] in reporter($0, nil) }))
        return ("media-copy", { () throws(MediaError) in try copy.value.run() })
    }

    private func prepareCut(_ plan: CutPlan) throws(MediaError) -> Work {
        let rate = decision.frameRate.value ?? 30
        let cut = Owned(
            try VideoCut(
                plan: plan, source: source, track: track,
                settings: Encoder.VideoSettings(joining: track, decision: decision, options: options), muxer: muxer,
                clock: clock, progress: { [reporter] in reporter(Double($0) / rate, $0) }))
        return ("media-cut", { () throws(MediaError) in try cut.value.run() })
    }

    private func prepareEncoding() throws(MediaError) -> [Work] {
        let decoded = BoundedQueue<TimedFrame>(capacity: DeliveryJob.framesInHand)
        let filtered = BoundedQueue<Frame>(capacity: DeliveryJob.framesInHand)
        crew.connect(decoded)
        crew.connect(filtered)
        let reader = try VideoDecodeLoop(
            source: source, track: track, decision: decision, output: decoded, log: log, cancellation: cancellation)
        let decorations = try DecorationFilters(
            media.decorations, width: decision.width, height: decision.height,
            offset: decision.start - media.startTime, speed: decision.speed, scratch: muxer.path)
        let mill = VideoFilterPipeline(
            track: track, decision: decision, options: options, decorations: decorations, timeBase: reader.unit,
            input: decoded, output: filtered, log: log, cancellation: cancellation)
        let rate = decision.frameRate.value ?? 30
        let encoding = try VideoEncodeLoop(
            quality.videoSettings(decision: decision, options: options), muxer: muxer, input: filtered, clock: clock,
            byteLimit: options.maxBytes, log: log, progress: { [reporter] in reporter(Double($0) / rate, $0) })
        self.decodeLoop = reader
        self.mill = mill
        self.encoding = encoding
        let (first, second, third) = (Owned(reader), Owned(mill), Owned(encoding))
        return [
            ("media-decode", { () throws(MediaError) in try first.value.run() }),
            ("media-filter", { () throws(MediaError) in try second.value.run() }),
            ("media-encode", { () throws(MediaError) in try third.value.run() }),
        ]
    }

    private func prepareAudio() throws(MediaError) -> [Work] {
        switch decision.audio {
        case .copy:
            guard decision.video != .copy, let index = decision.audioStream else { return [] }
            let demuxer = try source.demuxer(keeping: index, from: decision.start - 1)
            let copy = Owned(
                try AudioPacketCopy(demuxer: demuxer, stream: index, start: decision.start, muxer: muxer, clock: clock))
            return [("media-audio", { () throws(MediaError) in try copy.value.run() })]
        case .encode, .silence:
            let opener = AudioOpener(source: source, decision: decision, options: options)
            let audio = try AudioEncodeLoop(
                bitRate: options.audioBitrate, muxer: muxer, clock: clock, log: log, opener: opener)
            self.audio = audio
            let lane = Owned(audio)
            return [("media-audio", { () throws(MediaError) in try lane.value.run() })]
        }
    }

    /// Muxer options that put `moov` before `mdat`: reserve space for it if the file will be large, else move `mdat`
    /// afterwards.
    private var head: [String: String] {
        guard decision.estimatedBytes > DeliveryJob.largeFile else { return ["movflags": "+faststart"] }
        // ISO/IEC 14496-12, bytes per sample at worst: sizes 4, composition offsets 8, chunks 12 + 8, sync 4, times 8.
        let length = decision.duration + DeliveryDecision.longestHold
        let video = length * (decision.frameRate.value ?? 30) + 8
        let blocks = length * Double(DeliverySpec.sampleRate) / 1024 + 8
        return ["moov_size": "\(Int(saturating: video * 44 + blocks * 32) + 8192)"]
    }

    private var reporter: @Sendable (_ seconds: Double, _ frames: Int?) -> Void {
        let (started, duration, progress) = (started, decision.duration, progress)
        return { seconds, frames in
            let elapsed = (ContinuousClock.now - started).inSeconds
            guard elapsed > 0 else { return }
            progress(
                StageProgress(
                    fraction: min(1, seconds / max(duration, 0.001)), speed: seconds / elapsed,
                    framesPerSecond: frames.map { Double($0) / elapsed }))
        }
    }

    private func report(seconds: Double, isFinished: Bool) {
        reporter(isFinished ? max(seconds, decision.duration) : seconds, encoding?.frames)
    }

    /// Adds warnings about lost frames and packets, and throws if more of the video is lost than allowed.
    private func reckonUp() throws(MediaError) {
        let length = clock.position
        if let encoding, let reader = decodeLoop {
            let tally = reader.tally
            guard encoding.frames > 0 else {
                throw MediaError("decoding", text: DeliveryJob.nothingDecoded, file: media.source.file.path)
            }
            if tally.refused > 0 { warnings.append("\(tally.refused) video packets could not be decoded") }
            if tally.damaged > 0 { warnings.append("\(tally.damaged) frames are damaged") }
            if reader.disorderedFrames > 0 {
                warnings.append("\(reader.disorderedFrames) frames with timestamps out of order were dropped")
            }
            let lost = Double(tally.refused + tally.damaged) / Double(max(1, tally.refused + tally.decoded))
            let missing = max(0, 1 - length / max(decision.duration, 0.001))
            try Self.allow(min(1, lost + missing + decision.missingShare), options: options, media: media)
        }
        if let refused = audio?.refusedPackets, refused > 0 {
            warnings.append("\(refused) audio packets could not be decoded")
        }
        if decision.duration - length > max(0.5, decision.duration * 0.02) {
            warnings.append(
                "only \(DeliveryDecision.text(length)) of the expected \(DeliveryDecision.text(decision.duration)) "
                    + "could be decoded")
        }
        if decision.audio == .encode, let end = audio?.end, length - end > 0.5 {
            warnings.append(
                "the audio ends \(DeliveryDecision.text(length - end)) before the video: silence fills the rest")
        }
    }

    /// Throws if the lost `share` of the video exceeds `maxDamage`.
    static func allow(_ share: Double, options: DeliveryOptions, media: ProbedMedia) throws(MediaError) {
        guard share > options.maxDamage else { return }
        throw MediaError(
            "decoding",
            text: tooDamaged
                + String(
                    format: "%.0f %% of the video is lost, more than the allowed %.0f %%", share * 100,
                    options.maxDamage * 100), file: media.source.file.path)
    }

    /// `MediaError.text` of the error if no frame was decoded.
    static let nothingDecoded = "no frame could be decoded"
    /// Prefix of `MediaError.text` of the error if more is lost than allowed.
    static let tooDamaged = "too damaged: "
    /// The error that ends an attempt whose file exceeds the size limit.
    static let tooLarge = MediaError("writing", text: "more bytes than allowed")
}

/// Transfers a value to the only thread that uses it until the crew has ended.
private struct Owned<Value>: @unchecked Sendable {
    // Sendable because no other thread uses the value from the start of its thread until `WorkerThreads.join` returns.
    let value: Value
    init(_ value: Value) { self.value = value }
}

/// Opens the audio of a delivery at the requested loudness.
struct AudioOpener {
    let source: FootageSource
    let decision: DeliveryDecision
    let options: DeliveryOptions

    /// Expected length of the delivery in samples per channel.
    var expectedSamples: Int { Int(saturating: (decision.duration * Double(DeliverySpec.sampleRate)).rounded()) }

    /// How to normalise the audio to the requested loudness; nil if it stays unchanged.
    func plan() throws(MediaError) -> LoudnessPlan? {
        guard decision.audio == .encode, let index = decision.audioStream, let target = options.loudness else {
            return nil
        }
        return try LoudnessPlan.find(target: target, truePeak: options.truePeak, limit: expectedSamples) {
            (filters) throws(MediaError) in try source(index, filters)
        }
    }

    /// A corrected plan; nil if the loudness of the encoded audio is good enough.
    func correct(_ plan: LoudnessPlan, by reading: LoudnessReading) throws(MediaError) -> LoudnessPlan? {
        guard let index = decision.audioStream, let target = options.loudness else { return nil }
        return try plan.corrected(by: reading, target: target, truePeak: options.truePeak, limit: expectedSamples) {
            (filters) throws(MediaError) in try source(index, filters)
        }
    }

    /// Opens the footage's audio; nil if the delivery is silent or its audio is not encoded.
    func open(_ plan: LoudnessPlan?) throws(MediaError) -> AudioSource? {
        guard decision.audio == .encode, let index = decision.audioStream else { return nil }
        return try source(index, plan?.filters ?? [])
    }

    /// Measures the loudness of the delivered part of the audio.
    func reading() throws(MediaError) -> LoudnessReading {
        guard let index = decision.audioStream else { return LoudnessReading() }
        return try LoudnessMeter.measure(try source(index, [LoudnessMeter.filter]), limit: expectedSamples)
    }

    private func source(_ index: Int, _ filters: [String]) throws(MediaError) -> AudioSource {
        // The duration in headers may be slightly too short.
        let most = min(Double(decision.frameLimit) / (decision.frameRate.value ?? 30), decision.duration + 5)
        return try AudioSource(
            source: source, stream: index, start: decision.start, limit: most, speed: decision.speed,
            filters: filters)
    }
}
