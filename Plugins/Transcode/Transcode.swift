import Foundation
import Media
public import PipelineKit

/// Prepares footage for vertical feeds: H.264 and AAC in MP4, upright, in shape, at a constant rate.
///
/// Footage that already meets the delivery spec is copied packet for packet; otherwise the plan says why not.
public struct Transcode: Stage {
    /// `transcode`.
    public static let name: StageName = "transcode"
    /// One sentence.
    public static let summary = "Prepares footage as H.264/AAC MP4 in the wanted shape, length and size."
    /// The same footage and options give the same file.
    public static let effect: Effect = .pure
    /// Decoding and encoding.
    public static let resource: Resource = .cpu

    /// What can be set.
    public struct Options: StageOptions {
        @StageOption("Shape of the delivery: width to height, or source to keep the footage's own.")
        public var aspect: AspectRatio = .ratio(9, 16)
        @StageOption("What happens to a picture of another shape: cropped, given bars, or put over a blurred copy.")
        public var fit: Fit = .crop
        @StageOption("Which part cropping keeps: a side, or a point in shares of width and height.")
        public var focus: Focus = .center
        @StageOption("Colour of the bars when fit is pad.")
        public var background: Colour = .black
        @StageOption("Size of the delivery: auto picks the largest usual size that the footage fills.")
        public var size: FrameSize = .auto
        @StageOption("Longest allowed length; longer footage is cut.", range: .seconds(1) ... .seconds(600))
        public var maxDuration: Duration = .seconds(60)
        @StageOption(
            "What happens to longer footage: cut, refused, or played faster (up to twice) with the pitch kept.")
        public var overlong: Overlong = .trim
        @StageOption(
            "Largest allowed file; what would exceed it is encoded with fewer bits.",
            range: ByteCount(100_000)...ByteCount.gigabytes(4))
        public var maxSize: ByteCount = .gigabytes(1)
        @StageOption(
            "The part of the footage to deliver, counted from its first frame; not for footage that was split.")
        public var trim: Trim? = nil
        @StageOption("x264's preset: how much work to spend on making the file smaller.")
        public var preset: Preset = .fast
        @StageOption("x264's constant rate factor: lower is better and larger.", range: 0...51)
        public var crf: Double = 19
        @StageOption("Highest bit rate of the picture.", range: BitRate(200_000)...BitRate(50_000_000))
        public var maxrate: BitRate = BitRate(9_500_000)
        @StageOption("Bit rate of the sound.", range: BitRate(32_000)...BitRate(512_000))
        public var audioBitrate: BitRate = BitRate(192_000)
        @StageOption("Loudness in LUFS with a true peak of at most -1 dBTP, such as -14; off leaves it as it is.")
        public var loudness: Loudness = .off
        @StageOption("Sound track: auto, none, its number from 0, or its language.")
        public var audioTrack: SoundTrack = .auto
        @StageOption("Frames per second, 23 to 60; auto keeps the footage's rate where it can.")
        public var frameRate: FrameRate = .auto
        @StageOption("Whether footage that already meets the delivery spec is copied instead of encoded.")
        public var passthrough: Passthrough = .auto
        @StageOption("Whether interlaced footage is deinterlaced; auto looks at the pictures.")
        public var deinterlace: Deinterlacing = .auto
        @StageOption("Whether harmless tags such as title and date are kept; place, device and owner never are.")
        public var metadata: MetadataPolicy = .strip
        @StageOption(
            "Share of the picture that may be lost to damage before the footage is refused.",
            range: Share(percent: 0)...Share(percent: 100))
        public var maxDamage: Share = Share(percent: 100)

        /// The defaults.
        public init() {}
    }

    private let options: Options

    /// A stage with options that may contradict each other: `check` tells.
    public init(options: Options) throws(StageError) {
        self.options = options
    }

    /// Finds options that contradict each other, and an FFmpeg without the encoders.
    public func check(_ context: CheckContext) -> [Diagnostic] {
        var findings: [Diagnostic] = []
        if let trim = options.trim, let end = trim.end, end <= trim.start {
            findings.append(
                Diagnostic(
                    code: "contradicting-options",
                    "trim ends at \(end.spoken), which is not after its start at \(trim.start.spoken)",
                    hint: "give an end after the start, or leave it out", pointer: "/trim"))
        }
        if case .exact(let width, let height) = options.size, case .ratio(let across, let down) = options.aspect {
            let exact = Double(width) * Double(down) / Double(across)
            if abs(exact - Double(height)) > 2 {
                findings.append(
                    Diagnostic(
                        code: "contradicting-options", "size \(width)x\(height) is not \(across):\(down)",
                        hint: "set aspect to \(Self.ratio(width, height)), or size to auto", pointer: "/size"))
            }
        }
        do throws(StageError) {
            try MediaLibraries.load()
        } catch {
            findings.append(
                Diagnostic(code: error.code.rawValue, error.message, hint: error.hint, subject: .configuration))
            return findings
        }
        for encoder in ["libx264", "aac"] where !Encoder.exists(encoder) {
            findings.append(
                Diagnostic(
                    code: "missing-encoder", "this build of FFmpeg has no encoder \(encoder)",
                    hint: "install the distribution's FFmpeg libraries (Debian: libavcodec59 or later)",
                    subject: .configuration))
        }
        return findings
    }

    /// Decides as `run` will, and says why.
    public func plan(_ input: ProbedMedia, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let decision = try DeliveryDecision(for: input, options: options.delivery)
        let rate = decision.frameRate.value ?? 30
        var predicted = PreparedVideo(
            file: FileReference(path: "", bytes: decision.estimatedBytes), source: input.source,
            strategy: decision.strategy, reasons: decision.reasons, width: decision.width, height: decision.height,
            duration: decision.duration, frameRate: decision.frameRate, warnings: decision.warnings)
        predicted.part = input.part
        return StagePlan(
            action: decision.summary, reasons: decision.reasons,
            details: [
                "strategy": .string(decision.strategy.rawValue), "width": .integer(Int64(decision.width)),
                "height": .integer(Int64(decision.height)), "duration": .number(decision.duration),
                "frameRate": .number(rate), "estimatedBytes": .integer(decision.estimatedBytes),
                "sound": .string(decision.soundWord),
                "pictureReasons": .array(decision.pictureReasons.map(JSONValue.string)),
                "soundReasons": .array(decision.soundReasons.map(JSONValue.string)),
                "warnings": .array(decision.warnings.map(JSONValue.string)),
            ], output: predicted)
    }

    /// Prepares the footage.
    public func run(_ input: ProbedMedia, _ context: StageContext) async throws(StageError) -> PreparedVideo {
        do {
            try FileManager.default.createDirectory(at: context.workDirectory, withIntermediateDirectories: true)
        } catch {
            throw StageError(
                .fileSystem, "the work folder \(context.workDirectory.path) can't be made",
                hint: "choose another --work-dir", cause: "\(error)")
        }
        let path = context.workDirectory.appendingPathComponent("\(context.stageID).mp4").path
        let delivery = try await Deliverer.deliver(
            input, options: options.delivery, to: path, progress: context.progress)
        var prepared = PreparedVideo(
            file: FileReference(path: delivery.path, bytes: delivery.bytes, sha256: delivery.sha256),
            source: input.source, strategy: delivery.decision.strategy, reasons: delivery.decision.reasons,
            width: delivery.decision.width, height: delivery.decision.height, duration: delivery.duration,
            frameRate: delivery.decision.frameRate, warnings: delivery.warnings)
        prepared.part = input.part
        return prepared
    }

    /// A size as the simplest ratio.
    static func ratio(_ width: Int, _ height: Int) -> String {
        var (a, b) = (width, height)
        while b != 0 { (a, b) = (b, a % b) }
        return "\(width / max(1, a)):\(height / max(1, a))"
    }
}

extension Transcode.Options {
    /// The options in the media module's terms.
    var delivery: DeliveryOptions {
        var delivery = DeliveryOptions()
        switch aspect {
        case .ratio(let width, let height): delivery.aspect = .ratio(width, height)
        case .source: delivery.aspect = .source
        }
        switch fit {
        case .crop: delivery.fit = .crop
        case .pad: delivery.fit = .pad
        case .blur: delivery.fit = .blur
        }
        delivery.focus = DeliveryOptions.Focus(x: focus.x, y: focus.y)
        delivery.background = background.name
        switch size {
        case .auto: delivery.size = .auto
        case .source: delivery.size = .source
        case .exact(let width, let height): delivery.size = .exact(width: width, height: height)
        }
        delivery.maxDuration = maxDuration.inSeconds
        delivery.maxBytes = maxSize.bytes
        delivery.trimStart = trim?.start.inSeconds ?? 0
        delivery.trimEnd = trim?.end?.inSeconds
        delivery.preset = preset.rawValue
        delivery.crf = crf
        delivery.maxrate = maxrate.bitsPerSecond
        delivery.audioBitrate = audioBitrate.bitsPerSecond
        if case .fixed(let rate) = frameRate { delivery.frameRate = FrameRatePolicy.rational(rate) }
        switch passthrough {
        case .auto: delivery.passthrough = .auto
        case .never: delivery.passthrough = .never
        case .require: delivery.passthrough = .require
        }
        switch overlong {
        case .trim: delivery.overlong = .trim
        case .error: delivery.overlong = .error
        case .speed: delivery.overlong = .speed
        }
        if case .lufs(let level) = loudness { delivery.loudness = level }
        switch audioTrack {
        case .auto: delivery.soundTrack = .auto
        case .none: delivery.soundTrack = .none
        case .number(let number): delivery.soundTrack = .number(number)
        case .language(let code): delivery.soundTrack = .language(code)
        }
        switch deinterlace {
        case .auto: delivery.deinterlacing = .auto
        case .always: delivery.deinterlacing = .always
        case .never: delivery.deinterlacing = .never
        }
        delivery.keepsMetadata = metadata == .keep
        delivery.maxDamage = maxDamage.fraction
        return delivery
    }
}
