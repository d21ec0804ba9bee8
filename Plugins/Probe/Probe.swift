import Logging
public import PipelineKit

/// Inspects footage: streams, size, rotation, colour, rates, length and damage.
///
/// Measures everything before anything is encoded: reads the packets once and decodes the first frames, because headers
/// and bitstream may contradict each other. Rejects footage that can't be delivered.
public struct Probe: Stage {
    public static let name: StageName = "probe"
    public static let summary = "Inspects footage: streams, size, rotation, colour, frame rate, length and damage."
    /// The result depends only on the file.
    public static let effect: Effect = .pure
    /// Reads the file once.
    public static let resource: Resource = .light
    public static let access: StageAccess = .footage

    public struct Options: StageOptions {
        @StageOption(
            "How long recently written footage must stay unchanged, unless its container shows that it is complete.",
            range: .seconds(0) ... .seconds(600))
        public var settle: Duration = .seconds(2)

        public init() {}
    }

    private let options: Options

    public init(options: Options) throws(StageError) { self.options = options }

    /// Probes the footage, which writes nothing, so that the rest of the plan can rely on facts.
    public func plan(_ input: SourceFile, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let probe = SettledProbe(of: input, settle: options.settle, clock: .system)
        guard let media = try await probe.mediaUnlessGrowing() else {
            return StagePlan(
                action: "wait until it is complete: it is still growing",
                findings: [
                    Diagnostic(
                        .warning, code: "growing-footage", "\(input.displayPath) is still growing",
                        hint: "run waits until it has been unchanged for \(options.settle.spoken)", subject: .footage)
                ])
        }
        return StagePlan(
            action: Self.describe(media), reasons: media.warnings, details: media.summary, output: media)
    }

    /// Probes the footage, and waits first if it is still being written.
    public func run(_ input: SourceFile, _ context: StageContext) async throws(StageError) -> ProbedMedia {
        if let planned = context.planned as? ProbedMedia, planned.source.file.bytes == input.file.bytes {
            // The plan read this very file; only the digest is new.
            var media = planned
            media.source = input
            return media
        }
        return try await SettledProbe(of: input, settle: options.settle, clock: context.clock).mediaOnceSettled {
            context.logger.warning("waiting for footage that is still being written")
            context.progress(StageProgress(fraction: 0))
        }
    }

    /// The footage in one line: `h264 1080×1920, 29.97 fps, 12.0 s, aac stereo`.
    static func describe(_ media: ProbedMedia) -> String {
        guard let track = media.videoTrack else { return "no video" }
        var parts = ["\(track.codec) \(track.displayWidth)×\(track.displayHeight)"]
        if let rate = track.averageFrameRate.value, rate > 0 {
            let hundredths = (rate * 100).rounded() / 100
            parts.append(hundredths == hundredths.rounded() ? "\(Int(hundredths)) fps" : "\(hundredths) fps")
        }
        parts.append(Duration.spoken(seconds: media.duration))
        if track.dynamicRange != .sdr { parts.append(track.dynamicRange.rawValue.uppercased()) }
        parts.append(media.audioTrack.map { "\($0.codec) \($0.layout)" } ?? "no audio")
        return parts.joined(separator: ", ")
    }
}
