import Foundation
import PipelineKit

/// One attempt at writing a delivery: a chain of threads that decode, filter, encode and write.
///
/// Video and audio read the file independently, so that neither buffers packets for the other, and memory does not
/// depend on how the file is interleaved.
final class DeliveryJob {
    /// What writing the file showed.
    struct Report: Sendable {
        /// Problems in the result that the user should know of.
        var warnings: [String] = []
        /// Loudness of the encoded audio; nil if the audio was not normalised.
        var loudness: LoudnessReading?
    }

    private let task: DeliveryTask
    private let quality: EncoderQuality
    private let output: OutputFile
    private let progress: @Sendable (StageProgress) -> Void
    private let started = ContinuousClock.now
    private let workers: WorkerThreads

    private var decodeLoop: VideoDecodeLoop?
    private var videoEncodeLoop: VideoEncodeLoop?
    private var audioEncodeLoop: AudioEncodeLoop?

    /// Frames that may be queued for the filters and for the encoder: enough to have the next one ready.
    private static let queueCapacity = 1
    /// Above this size in bytes, space for `moov` is reserved at the front instead of rewriting the file.
    private static let largeFile: Int64 = 24_000_000

    /// `MediaError.text` of the error if no frame was decoded.
    static let nothingDecoded = "no frame could be decoded"

    init(
        _ task: DeliveryTask, quality: EncoderQuality, path: String,
        progress: @escaping @Sendable (StageProgress) -> Void
    ) throws(MediaError) {
        self.task = task
        self.quality = quality
        self.progress = progress
        output = OutputFile(
            muxer: try Muxer(path: path, format: "mp4", log: task.source.log), clock: VideoProgressClock())
        workers = WorkerThreads(cancellation: task.source.cancellation, log: task.source.log)
        workers.stopOnFailure(output.clock)
    }

    private var decision: DeliveryDecision { task.decision }

    /// Starts all threads and waits until the file is written.
    /// - Returns: Nil if the file exceeds the size limit and can't be used.
    /// - Throws: `MediaError` if a library call fails, the disk is full, nothing can be decoded or the job is cancelled.
    func run() throws(MediaError) -> Report? {
        // Add all streams before the header is written, and start threads after that.
        let work = try prepareVideo() + prepareAudio()
        for (key, value) in decision.tags { output.muxer.setTag(key, to: value) }
        try output.muxer.start(settings: muxerOptions)
        for (name, body) in work { workers.start(name, body) }
        do throws(MediaError) {
            try workers.join()
        } catch {
            if error == .tooLarge { return nil }
            throw error
        }
        let warnings = try warnings()
        try output.muxer.finish()
        reporter(max(output.clock.position, decision.excerpt.duration), videoEncodeLoop?.frames)
        let bytes = FileFingerprint(output.muxer.path)?.bytes ?? 0
        return bytes > task.options.maxBytes ? nil : Report(warnings: warnings, loudness: audioEncodeLoop?.reading)
    }

    // MARK: Threads

    private typealias Work = (name: String, body: @Sendable () throws(MediaError) -> Void)

    private func prepareVideo() throws(MediaError) -> [Work] {
        switch decision.video {
        case .copy: [try prepareCopy()]
        case .smartcut(let plan): [try prepareCut(plan)]
        case .encode: try prepareEncoding()
        }
    }

    private func prepareCopy() throws(MediaError) -> Work {
        let copy = Owned(try PacketCopy(task, output: output) { [reporter] in reporter($0, nil) })
        return ("media-copy", { () throws(MediaError) in try copy.value.run() })
    }

    private func prepareCut(_ plan: CutPlan) throws(MediaError) -> Work {
        let rate = decision.format.framesPerSecond
        let cut = Owned(
            try VideoCut(plan, of: task, output: output) { [reporter] in reporter(Double($0) / rate, $0) })
        return ("media-cut", { () throws(MediaError) in try cut.value.run() })
    }

    private func prepareEncoding() throws(MediaError) -> [Work] {
        let decoded = BoundedQueue<TimedFrame>(capacity: Self.queueCapacity)
        let filtered = BoundedQueue<Frame>(capacity: Self.queueCapacity)
        workers.stopOnFailure(decoded)
        workers.stopOnFailure(filtered)
        let decodeLoop = try VideoDecodeLoop(task, output: decoded)
        let decorations = try DecorationFilters(
            task.source.media.decorations, width: decision.format.width, height: decision.format.height,
            offset: decision.excerpt.start - task.source.media.startTime, speed: decision.excerpt.speed,
            scratch: output.muxer.path)
        let filterPipeline = VideoFilterPipeline(
            task, decorations: decorations, timeBase: decodeLoop.outputTimeBase, input: decoded, output: filtered)
        let rate = decision.format.framesPerSecond
        let encodeLoop = try VideoEncodeLoop(
            quality.videoSettings(decision: decision, options: task.options), input: filtered, output: output,
            byteLimit: task.options.maxBytes, log: task.source.log
        ) { [reporter] in reporter(Double($0) / rate, $0) }
        self.decodeLoop = decodeLoop
        videoEncodeLoop = encodeLoop
        let (decoding, filtering, encoding) = (Owned(decodeLoop), Owned(filterPipeline), Owned(encodeLoop))
        return [
            ("media-decode", { () throws(MediaError) in try decoding.value.run() }),
            ("media-filter", { () throws(MediaError) in try filtering.value.run() }),
            ("media-encode", { () throws(MediaError) in try encoding.value.run() }),
        ]
    }

    private func prepareAudio() throws(MediaError) -> [Work] {
        switch decision.audio {
        case .copy:
            // If the video is copied too, one thread copies both.
            guard decision.video != .copy, let stream = decision.audioStream else { return [] }
            let copy = Owned(try AudioPacketCopy(task, stream: stream, output: output))
            return [("media-audio", { () throws(MediaError) in try copy.value.run() })]
        case .encode, .silence:
            let encodeLoop = try AudioEncodeLoop(AudioOpener(task: task), output: output)
            audioEncodeLoop = encodeLoop
            let encoding = Owned(encodeLoop)
            return [("media-audio", { () throws(MediaError) in try encoding.value.run() })]
        }
    }

    /// Muxer options that put `moov` before `mdat`: reserve space for it if the file will be large, else move `mdat`
    /// afterwards.
    private var muxerOptions: [String: String] {
        guard decision.estimatedBytes > Self.largeFile else { return ["movflags": "+faststart"] }
        // ISO/IEC 14496-12, bytes per sample at worst: sizes 4, composition offsets 8, chunks 12 + 8, sync 4, times 8.
        let length = decision.excerpt.duration + DeliveryDecision.longestHold
        let frames = length * decision.format.framesPerSecond + 8
        let audioBlocks = length * Double(DeliverySpec.sampleRate) / 1024 + 8
        return ["moov_size": "\(Int(saturating: frames * 44 + audioBlocks * 32) + 8192)"]
    }

    // MARK: Reporting

    private var reporter: @Sendable (_ seconds: Double, _ frames: Int?) -> Void {
        let (started, duration, progress) = (started, decision.excerpt.duration, progress)
        return { seconds, frames in
            let elapsed = (ContinuousClock.now - started).inSeconds
            guard elapsed > 0 else { return }
            progress(
                StageProgress(
                    fraction: min(1, seconds / max(duration, 0.001)), speed: seconds / elapsed,
                    framesPerSecond: frames.map { Double($0) / elapsed }))
        }
    }

    /// Warnings about lost frames and packets.
    /// - Throws: `MediaError` if nothing was decoded, or more of the video is lost than allowed.
    private func warnings() throws(MediaError) -> [String] {
        let length = output.clock.position
        let expected = decision.excerpt.duration
        var warnings: [String] = []
        if let videoEncodeLoop, let decodeLoop {
            let statistics = decodeLoop.statistics
            guard videoEncodeLoop.frames > 0 else {
                throw MediaError("decoding", text: Self.nothingDecoded, file: task.source.media.source.file.path)
            }
            if statistics.refusedPackets > 0 {
                warnings.append("\(statistics.refusedPackets) video packets could not be decoded")
            }
            if statistics.damagedFrames > 0 { warnings.append("\(statistics.damagedFrames) frames are damaged") }
            if decodeLoop.disorderedFrames > 0 {
                warnings.append("\(decodeLoop.disorderedFrames) frames with timestamps out of order were dropped")
            }
            let missing = max(0, 1 - length / max(expected, 0.001))
            try task.checkDamage(lostShare: statistics.lostShare + missing + decision.excerpt.missingShare)
        }
        if let refused = audioEncodeLoop?.refusedPackets, refused > 0 {
            warnings.append("\(refused) audio packets could not be decoded")
        }
        if expected - length > max(0.5, expected * 0.02) {
            warnings.append("only \(length.secondsText) of the expected \(expected.secondsText) could be decoded")
        }
        if decision.audio == .encode, let end = audioEncodeLoop?.end, length - end > 0.5 {
            warnings.append("the audio ends \((length - end).secondsText) before the video: silence fills the rest")
        }
        return warnings
    }
}

/// Transfers a value to the only thread that uses it until the job's threads have ended.
private struct Owned<Value>: @unchecked Sendable {
    // Sendable because no other thread uses the value from the start of its thread until `WorkerThreads.join` returns.
    let value: Value
    init(_ value: Value) { self.value = value }
}
