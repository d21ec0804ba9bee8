package import Media
public import PipelineKit

/// Splits long footage at new scenes and silences; the stages after it run for each part, in order.
public struct Split: Stage {
    public static let name: StageName = "split"
    public static let summary = "Splits long footage at new scenes or silences; the stages after it run for each part."
    /// The same footage and options give the same parts.
    public static let effect: Effect = .pure
    /// Decodes the ranges in which a cut may fall.
    public static let resource: Resource = .cpu
    public static let access: StageAccess = .footage

    public struct Options: StageOptions {
        @StageOption(
            "Maximum length of a part; longer footage is split into as few parts as possible.",
            range: .seconds(2) ... .seconds(600))
        public var maxDuration: Duration = .seconds(60)
        @StageOption("Where to cut: at new scenes, in silences, at either of them, or anywhere.")
        package var at: SeriesFinder.CutPoints = .either
        @StageOption("Minimum length of a part, at most half of maxDuration.", range: .seconds(1) ... .seconds(300))
        public var minDuration: Duration = .seconds(5)
        @StageOption("Maximum number of parts; footage that needs more is rejected.", range: 2...99)
        public var maxParts: Int = 20

        public init() {}
    }

    private let options: Options

    /// Accepts options that contradict each other; ``check(_:)`` reports them.
    public init(options: Options) throws(StageError) { self.options = options }

    /// Reports a `minDuration` that leaves no room for cuts.
    public func check(_ context: CheckContext) -> [Diagnostic] {
        guard options.minDuration.inSeconds > options.maxDuration.inSeconds / 2 else { return [] }
        return [
            Diagnostic(
                code: "contradicting-options",
                "minDuration \(options.minDuration.spoken) is more than half of maxDuration \(options.maxDuration.spoken)",
                hint: "lower minDuration to at most \(Duration.spoken(seconds: options.maxDuration.inSeconds / 2))",
                pointer: "/minDuration")
        ]
    }

    /// Tells the number of parts. The cuts are an estimate, unless finding them needs no decoding.
    public func plan(_ input: ProbedMedia, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let finder = try finder(input)
        let parted = finder.estimate()
        var details = parted.summary
        details["estimate"] = .bool(finder.needsAnalysis)
        let action =
            finder.count == 1
            ? "keep it in one part: it is no longer than \(options.maxDuration.spoken)"
            : "cut it into \(finder.count) parts of at most \(options.maxDuration.spoken)"
        return StagePlan(action: action, reasons: parted.reasons, details: details, output: parted)
    }

    /// Finds the best cuts and splits the footage.
    public func run(_ input: ProbedMedia, _ context: StageContext) async throws(StageError) -> PartedMedia {
        let finder = try finder(input)
        let report = context.progress
        return try await BlockingWork.run(name: "split") { (flag) throws(StageError) in
            if finder.needsAnalysis { try MediaLibraries.loadFilters() }
            do throws(MediaError) {
                return try finder.find(cancellation: flag) { report(StageProgress(fraction: min(1, max(0, $0)))) }
            } catch {
                throw error.stageError()
            }
        }
    }

    private func finder(_ input: ProbedMedia) throws(StageError) -> SeriesFinder {
        let rules = SeriesPlan.Rules(longest: options.maxDuration.inSeconds, shortest: options.minDuration.inSeconds)
        let finder = try SeriesFinder(input, rules: rules, at: options.at)
        guard finder.count <= options.maxParts else {
            throw StageError(
                .unusableFootage,
                "\(input.source.displayPath) is \(Duration.spoken(seconds: input.duration)) long and would give \(finder.count) parts of \(options.maxDuration.spoken), more than maxParts \(options.maxParts)",
                hint: "raise maxParts or maxDuration of the split stage, or cut the footage")
        }
        return finder
    }
}

extension SeriesFinder.CutPoints: OptionValue {}
