public import PipelineKit

/// Shows production, footage and take during the first seconds, like a film slate, for cuts that go to review.
///
/// The stage only adds a decoration to the footage; `transcode` draws it, so the video is encoded only once.
public struct Slate: Stage {
    public static let name: StageName = "slate"
    public static let summary = "Shows production, footage and take during the first seconds."
    /// The same footage and options give the same output, so the result may be cached.
    public static let effect: Effect = .pure
    /// Uses neither much CPU nor the network.
    public static let resource: Resource = .light

    /// The options of the stage in pipeline files.
    public struct Options: StageOptions {
        @StageOption("Name of the production; omitted if empty.") public var production = ""
        @StageOption("Number of the take.", range: 1...999) public var take = 1
        @StageOption("How long the slate is visible.", range: .milliseconds(500) ... .seconds(10))
        public var duration: Duration = .seconds(2)
        @StageOption("Position of the slate, inside the safe area of the app.") public var position: Anchor = .center

        public init() {}
    }

    private let options: Options

    public init(options: Options) throws(StageError) { self.options = options }

    /// Describes the slate, and warns if it covers the whole video.
    public func plan(_ input: ProbedMedia, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let findings =
            input.duration > options.duration.seconds
            ? []
            : [
                Diagnostic(
                    .warning, code: "slate-covers-all",
                    "the slate covers all of \(input.source.displayPath), which is only \(input.duration) s long",
                    hint: "set a shorter duration", subject: .footage)
            ]
        return StagePlan(
            action: "show \"\(text(input).replacing("\n", with: " · "))\" for \(options.duration.seconds) s",
            output: slated(input), findings: findings)
    }

    /// Adds the slate to the decorations that `transcode` draws.
    public func run(_ input: ProbedMedia, _ context: StageContext) async throws(StageError) -> ProbedMedia {
        slated(input)
    }

    /// The text of the slate for `input`, one line per item.
    public func text(_ input: ProbedMedia) -> String {
        [options.production, input.source.stem, "Take \(options.take)"].filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private func slated(_ input: ProbedMedia) -> ProbedMedia {
        var output = input
        output.decorations.append(
            .text(
                TextDecoration(
                    text: text(input),
                    style: TextStyle(
                        font: DecorationFont(family: "sans-serif"), size: 0.045, colour: 0xFFFFFF,
                        outlineColour: 0x000000),
                    opacity: 1,
                    position: DecorationPosition(
                        anchor: options.position, margin: 0.02, insets: SafeArea.tiktok.insets),
                    time: DecorationTime(start: 0, end: options.duration.seconds))))
        return output
    }
}

extension Duration {
    fileprivate var seconds: Double { self / .seconds(1) }
}
