public import PipelineKit

/// Writes production, footage and take over the first seconds, as a slate does: for cuts that go to review.
///
/// It draws nothing itself. What it adds to the footage's decorations, `transcode` draws in its only encode.
public struct Slate: Stage {
    /// `slate`.
    public static let name: StageName = "slate"
    /// One sentence.
    public static let summary = "Writes production, footage and take over the first seconds."
    /// The same footage and options give the same slate.
    public static let effect: Effect = .pure
    /// Reads nothing.
    public static let resource: Resource = .light

    /// What can be set.
    public struct Options: StageOptions {
        /// First line.
        @StageOption("Name of the production; left out when empty.") public var production = ""
        /// Last line.
        @StageOption("Number of the take.", range: 1...999) public var take = 1
        /// How long the slate stands.
        @StageOption("How long it is shown.", range: .milliseconds(500) ... .seconds(10))
        public var duration: Duration = .seconds(2)
        /// Where the slate stands.
        @StageOption("Where it stands, clear of the app's interface.") public var position: Anchor = .center

        /// The defaults.
        public init() {}
    }

    private let options: Options

    /// A slate.
    public init(options: Options) throws(StageError) { self.options = options }

    /// Says what will be written.
    public func plan(_ input: ProbedMedia, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let findings =
            input.duration > options.duration.seconds
            ? []
            : [
                Diagnostic(
                    .warning, code: "slate-covers-all",
                    "the slate stands over all of \(input.source.displayPath), which is only \(input.duration) s long",
                    hint: "shorten its duration", subject: .footage)
            ]
        return StagePlan(
            action: "write \"\(text(input).replacing("\n", with: " · "))\" for \(options.duration.seconds) s",
            output: slated(input), findings: findings)
    }

    /// Adds the slate to what `transcode` draws.
    public func run(_ input: ProbedMedia, _ context: StageContext) async throws(StageError) -> ProbedMedia {
        slated(input)
    }

    /// What stands on the slate of `input`.
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
                    place: DecorationPlace(anchor: options.position, margin: 0.02, insets: SafeArea.tiktok.insets),
                    time: DecorationTime(start: 0, end: options.duration.seconds))))
        return output
    }
}

extension Duration {
    fileprivate var seconds: Double { self / .seconds(1) }
}
