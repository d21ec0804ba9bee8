import Logging
import Media
public import PipelineKit

/// Looks into footage: streams, size, rotation, colour, rates, length, damage.
///
/// Everything is measured before anything is encoded: the packets are read through once, and the first picture is
/// decoded, because headers and bitstream may contradict each other. Footage that can't be delivered is refused here.
public struct Probe: Stage {
    /// `probe`.
    public static let name: StageName = "probe"
    /// One sentence.
    public static let summary = "Looks into footage: streams, size, rotation, colour, frame rate, length, damage."
    /// The same file gives the same facts.
    public static let effect: Effect = .pure
    /// Reads once through the file.
    public static let resource: Resource = .light

    /// What can be set.
    public struct Options: StageOptions {
        @StageOption(
            "How long footage that was just written must stand still, when it does not show that it is complete.",
            range: .seconds(0) ... .seconds(600))
        public var settle: Duration = .seconds(2)

        /// The defaults.
        public init() {}
    }

    private let options: Options

    /// A probe.
    public init(options: Options) throws(StageError) { self.options = options }

    /// Probes: it writes nothing, so that a plan can rest on facts.
    public func plan(_ input: SourceFile, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let settling = Settling(of: input, for: options.settle, clock: .system)
        guard let media = try await settling.look() else {
            return StagePlan(
                action: "wait until it is complete: it is still growing",
                findings: [
                    Diagnostic(
                        .warning, code: "growing-footage", "\(input.displayPath) is still growing",
                        hint: "run waits until it has stood still for \(options.settle.spoken)", subject: .footage)
                ])
        }
        return StagePlan(
            action: Self.describe(media), reasons: media.warnings, details: media.summary, output: media)
    }

    /// Probes.
    public func run(_ input: SourceFile, _ context: StageContext) async throws(StageError) -> ProbedMedia {
        try await Settling(of: input, for: options.settle, clock: context.clock).wait {
            context.logger.warning("waiting for footage that is still being written")
            context.progress(StageProgress(fraction: 0))
        }
    }

    /// The footage in one line: `h264 1080×1920, 29.97 fps, 12.0 s, aac stereo`.
    static func describe(_ media: ProbedMedia) -> String {
        guard let track = media.videoTrack else { return "no picture" }
        var parts = ["\(track.codec) \(track.displayWidth)×\(track.displayHeight)"]
        if let rate = track.averageFrameRate.value, rate > 0 {
            let hundredths = (rate * 100).rounded() / 100
            parts.append(hundredths == hundredths.rounded() ? "\(Int(hundredths)) fps" : "\(hundredths) fps")
        }
        parts.append(Duration.spoken(seconds: media.duration))
        if track.dynamicRange != .sdr { parts.append(track.dynamicRange.rawValue.uppercased()) }
        parts.append(media.audioTrack.map { "\($0.codec) \($0.layout)" } ?? "no sound")
        return parts.joined(separator: ", ")
    }
}
