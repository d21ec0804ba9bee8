import Foundation
import PipelineKit

/// One attempt at writing a delivery: demux, two lanes, mux. Used on one thread.
final class DeliveryJob {
    /// How an attempt ended.
    enum Outcome {
        case finished
        /// More bytes than allowed were written; the file is useless.
        case tooLarge
    }

    private let media: ProbedMedia
    private let options: DeliveryOptions
    private let decision: DeliveryDecision
    private let demuxer: Demuxer
    private let muxer: Muxer
    private let cancellation: CancellationFlag
    private let progress: (StageProgress) -> Void
    private let started = ContinuousClock.now

    private var encodedPicture: PictureEncodingLane?
    private var copiedPicture: CopyLane?
    private var encodedSound: SoundEncodingLane?
    private var copiedSound: CopyLane?

    /// What a person should know of the result.
    private(set) var warnings: [String] = []

    /// Packets read past the last picture in search of its sound.
    private static let patience = 20_000

    init(
        media: ProbedMedia, options: DeliveryOptions, decision: DeliveryDecision, quality: EncoderQuality,
        path: String, log: MediaLog, cancellation: CancellationFlag, progress: @escaping (StageProgress) -> Void
    ) throws(MediaError) {
        guard let track = media.videoTrack else {
            throw MediaError("choosing the picture", text: "there is none", file: media.source.file.path)
        }
        self.media = media
        self.options = options
        self.decision = decision
        self.cancellation = cancellation
        self.progress = progress
        demuxer = try Demuxer(path: media.source.file.path, log: log, cancellation: cancellation)
        demuxer.keep([track.index] + (decision.sound == .silence ? [] : media.chosenAudio.map { [$0] } ?? []))
        muxer = try Muxer(path: path, format: "mp4", log: log)
        switch decision.picture {
        case .copy:
            copiedPicture = try CopyLane(demuxer: demuxer, stream: track.index, start: decision.start, muxer: muxer)
        case .encode:
            encodedPicture = try PictureEncodingLane(
                demuxer: demuxer, media: media, track: track, decision: decision, options: options, quality: quality,
                muxer: muxer, log: log, cancellation: cancellation)
        }
        if decision.sound == .copy, let index = media.chosenAudio {
            copiedSound = try CopyLane(demuxer: demuxer, stream: index, start: decision.start, muxer: muxer)
        } else {
            encodedSound = try SoundEncodingLane(
                demuxer: demuxer, stream: decision.sound == .silence ? nil : media.chosenAudio, start: decision.start,
                limit: Double(decision.frameLimit) / (decision.frameRate.value ?? 30), bitRate: options.audioBitrate,
                muxer: muxer, log: log, cancellation: cancellation)
        }
        try muxer.start(settings: ["movflags": "+faststart"])
    }

    /// Does the work.
    /// - Throws: `MediaError` when a library call fails, the disk is full, nothing decodes or the work is cancelled.
    func run() throws(MediaError) -> Outcome {
        let packet = try Packet()
        var patience = DeliveryJob.patience
        while try demuxer.read(into: packet) {
            if packet.stream == media.chosenVideo {
                try encodedPicture?.accept(packet)
                try copiedPicture?.accept(packet)
            } else if packet.stream == media.chosenAudio {
                try encodedSound?.accept(packet)
                try copiedSound?.accept(packet)
            }
            try encodedSound?.encode(upTo: pictureSeconds)
            if muxer.bytesWritten > options.maxBytes { return .tooLarge }
            report()
            if encodedPicture?.isFull == true {
                guard let sound = encodedSound, sound.hasSource, sound.seconds < pictureSeconds else { break }
                patience -= 1
                if patience == 0 { break }
            }
        }
        try encodedSound?.endOfSource()
        let soundEnd = encodedSound.flatMap { $0.hasSource ? $0.seconds : nil }
        try encodedPicture?.finish(soundEnd: soundEnd)
        try reckonUp(soundEnd: soundEnd)
        try encodedSound?.finish(at: pictureSeconds)
        try muxer.finish()
        report(isFinished: true)
        let bytes = (try? FileManager.default.attributesOfItem(atPath: muxer.path)[.size] as? NSNumber)?.int64Value ?? 0
        return bytes > options.maxBytes ? .tooLarge : .finished
    }

    private var pictureSeconds: Double { encodedPicture?.seconds ?? copiedPicture?.seconds ?? 0 }

    private func report(isFinished: Bool = false) {
        let elapsed = (ContinuousClock.now - started).inSeconds
        let done = pictureSeconds
        guard elapsed > 0 else { return }
        progress(
            StageProgress(
                fraction: isFinished ? 1 : min(1, done / max(decision.duration, 0.001)), speed: done / elapsed,
                framesPerSecond: encodedPicture.map { Double($0.frames) / elapsed }))
    }

    /// Compares what came out with what was promised.
    private func reckonUp(soundEnd: Double?) throws(MediaError) {
        if let picture = encodedPicture {
            let tally = picture.tally
            guard picture.frames > 0 else {
                throw MediaError("decoding", text: DeliveryJob.nothingDecoded, file: media.source.file.path)
            }
            if tally.refused > 0 { warnings.append("\(tally.refused) packets of the picture could not be decoded") }
            if tally.damaged > 0 { warnings.append("\(tally.damaged) frames are damaged") }
            if picture.disorderedFrames > 0 {
                warnings.append("\(picture.disorderedFrames) frames with times out of order were left out")
            }
        }
        if let refused = encodedSound?.refusedPackets, refused > 0 {
            warnings.append("\(refused) packets of the sound could not be decoded")
        }
        let length = pictureSeconds
        if decision.duration - length > max(0.5, decision.duration * 0.02) {
            warnings.append(
                "only \(DeliveryDecision.text(length)) of the expected \(DeliveryDecision.text(decision.duration)) "
                    + "could be decoded")
        }
        if let soundEnd, length - soundEnd > 0.5 {
            warnings.append(
                "the sound ends \(DeliveryDecision.text(length - soundEnd)) before the picture: silence fills the rest")
        }
    }

    /// What `MediaError.text` says when no frame came out.
    static let nothingDecoded = "no picture could be decoded"
}
