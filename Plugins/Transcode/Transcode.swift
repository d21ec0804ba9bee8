import Foundation
package import Media
public import PipelineKit

/// Converts footage for vertical feeds: H.264 and AAC in MP4, upright, in the right aspect ratio, at a constant rate.
///
/// Copies the packets of footage that already meets the delivery spec; otherwise the plan gives the reasons.
public struct Transcode: Stage {
    public static let name: StageName = "transcode"
    public static let summary = "Converts footage to an H.264/AAC MP4 of the wanted aspect ratio, length and size."
    /// The same footage and options give the same file.
    public static let effect: Effect = .pure
    /// Decodes and encodes the footage.
    public static let resource: Resource = .cpu
    public static let access: StageAccess = .footage

    public struct Options: StageOptions {
        @StageOption("Aspect ratio of the delivery, such as 9:16; source keeps the footage's own.")
        package var aspect: DeliveryOptions.AspectRatio = .ratio(9, 16)
        @StageOption("How footage of another shape is fitted: cropped, padded with bars, or put over a blurred copy.")
        package var fit: DeliveryOptions.Fit = .crop
        @StageOption("The part that cropping keeps: a side, or a point in fractions of width and height.")
        package var focus: DeliveryOptions.Focus = .center
        @StageOption("Colour of the bars when fit is pad.")
        public var background: Colour = .black
        @StageOption("Size of the delivery; auto picks the largest standard size that the footage fills.")
        package var size: DeliveryOptions.FrameSize = .auto
        @StageOption("Maximum length; see overlong for longer footage.", range: .seconds(1) ... .seconds(600))
        public var maxDuration: Duration = .seconds(60)
        @StageOption(
            "What happens to longer footage: cut, rejected, or played up to twice as fast with the pitch kept.")
        package var overlong: DeliveryOptions.Overlong = .trim
        @StageOption(
            "Maximum file size; footage that would exceed it is encoded with fewer bits.",
            range: ByteCount(100_000)...ByteCount.gigabytes(4))
        public var maxSize: ByteCount = .gigabytes(1)
        @StageOption(
            "The part of the footage to deliver, counted from its first frame; not allowed after split.")
        public var trim: Trim? = nil
        @StageOption("x264 preset: how much work to spend on a smaller file.")
        package var preset: DeliveryOptions.Preset = .fast
        @StageOption("x264 constant rate factor: lower values give better quality and larger files.", range: 0...51)
        public var crf: Double = 19
        @StageOption("Maximum bit rate of the video.", range: BitRate(200_000)...BitRate(50_000_000))
        public var maxrate: BitRate = BitRate(9_500_000)
        @StageOption("Bit rate of the audio.", range: BitRate(32_000)...BitRate(512_000))
        public var audioBitrate: BitRate = BitRate(192_000)
        @StageOption("Target loudness in LUFS, such as -14, with true peaks up to -1 dBTP; off leaves it unchanged.")
        public var loudness: Loudness = .off
        @StageOption("Audio track to use: auto, none, its number from 0, or its language.")
        package var audioTrack: DeliveryOptions.AudioTrackChoice = .auto
        @StageOption("Frames per second, 23 to 60; auto keeps the footage's rate where possible.")
        public var frameRate: FrameRate = .auto
        @StageOption("Whether footage that already meets the delivery spec is copied instead of encoded.")
        package var passthrough: DeliveryOptions.Passthrough = .auto
        @StageOption("Whether footage is deinterlaced; auto examines its frames.")
        package var deinterlace: DeliveryOptions.Deinterlacing = .auto
        @StageOption("Whether harmless tags such as title and date are kept; place, device and owner never are.")
        public var metadata: MetadataPolicy = .strip
        @StageOption(
            "Percentage of the video that may be lost to damage before the footage is rejected.",
            range: Percentage(percent: 0)...Percentage(percent: 100))
        public var maxDamage: Percentage = Percentage(percent: 100)

        public init() {}
    }

    private let options: Options

    /// Accepts options that contradict each other; ``check(_:)`` reports them.
    public init(options: Options) throws(StageError) {
        self.options = options
    }

    /// Reports options that contradict each other, and an FFmpeg without the required encoders.
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
                        hint: "set aspect to \(Self.simplestRatio(width: width, height: height)), or size to auto",
                        pointer: "/size"))
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

    /// Decides like `run`, and gives the reasons.
    public func plan(_ input: ProbedMedia, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let decision = try DeliveryDecision(for: input, options: options.delivery)
        var predicted = PreparedVideo(
            file: FileReference(path: "", bytes: decision.estimatedBytes), source: input.source,
            strategy: decision.strategy, width: decision.format.width, height: decision.format.height,
            duration: decision.excerpt.duration, frameRate: decision.format.frameRate)
        predicted.reasons = decision.reasons
        predicted.warnings = decision.warnings
        predicted.part = input.part
        return StagePlan(
            action: decision.summary, reasons: decision.reasons,
            details: [
                "strategy": .string(decision.strategy.rawValue), "width": .integer(Int64(decision.format.width)),
                "height": .integer(Int64(decision.format.height)), "duration": .number(decision.excerpt.duration),
                "frameRate": .number(decision.format.framesPerSecond),
                "estimatedBytes": .integer(decision.estimatedBytes),
                "sound": .string(decision.audio.rawValue),
                "pictureReasons": .array(decision.videoReasons.map(JSONValue.string)),
                "soundReasons": .array(decision.audioReasons.map(JSONValue.string)),
                "warnings": .array(decision.warnings.map(JSONValue.string)),
            ], output: predicted)
    }

    /// Copies or encodes the footage into the work folder.
    public func run(_ input: ProbedMedia, _ context: StageContext) async throws(StageError) -> PreparedVideo {
        do {
            try FileManager.default.createDirectory(at: context.workDirectory, withIntermediateDirectories: true)
        } catch {
            throw StageError(
                .fileSystem, "the work folder \(context.workDirectory.path) can't be created",
                hint: "choose another --work-dir", cause: "\(error)")
        }
        let path = context.workDirectory.appendingPathComponent("\(context.stageID).mp4").path
        let delivery = try await Deliverer.deliver(
            input, options: options.delivery, to: path, progress: context.progress)
        let decision = delivery.decision
        var prepared = PreparedVideo(
            file: FileReference(path: delivery.path, bytes: delivery.bytes, sha256: delivery.sha256),
            source: input.source, strategy: decision.strategy, width: decision.format.width,
            height: decision.format.height, duration: delivery.duration, frameRate: decision.format.frameRate)
        prepared.reasons = decision.reasons
        prepared.warnings = delivery.warnings
        prepared.part = input.part
        return prepared
    }

    /// Reduces a size to the simplest ratio.
    private static func simplestRatio(width: Int, height: Int) -> String {
        var (a, b) = (width, height)
        while b != 0 { (a, b) = (b, a % b) }
        return "\(width / max(1, a)):\(height / max(1, a))"
    }
}

extension Transcode.Options {
    /// The options in the units of the Media module.
    var delivery: DeliveryOptions {
        var delivery = DeliveryOptions()
        delivery.aspect = aspect
        delivery.fit = fit
        delivery.focus = focus
        delivery.background = background.name
        delivery.size = size
        delivery.maxDuration = maxDuration.inSeconds
        delivery.maxBytes = maxSize.bytes
        delivery.trimStart = trim?.start.inSeconds ?? 0
        delivery.trimEnd = trim?.end?.inSeconds
        delivery.preset = preset
        delivery.crf = crf
        delivery.maxrate = maxrate.bitsPerSecond
        delivery.audioBitrate = audioBitrate.bitsPerSecond
        if case .fixed(let rate) = frameRate { delivery.frameRate = FrameRatePolicy.rational(rate) }
        delivery.passthrough = passthrough
        delivery.overlong = overlong
        if case .lufs(let level) = loudness { delivery.loudness = level }
        delivery.audioTrack = audioTrack
        delivery.deinterlacing = deinterlace
        delivery.keepsMetadata = metadata == .keep
        delivery.maxDamage = maxDamage.fraction
        return delivery
    }
}
