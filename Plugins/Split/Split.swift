import Media
public import PipelineKit

/// Parts long footage at new scenes and silences: the stages behind it are run for each part, in order.
public struct Split: Stage {
    /// `split`.
    public static let name: StageName = "split"
    /// One sentence.
    public static let summary = "Parts long footage at new scenes or silences; each part goes its own way from here."
    /// The same footage and options give the same parts.
    public static let effect: Effect = .pure
    /// Decodes what lies where a cut may fall.
    public static let resource: Resource = .cpu

    /// What can be set.
    public struct Options: StageOptions {
        @StageOption(
            "Longest part; footage that is no longer is not split, and as few parts as can be are made.",
            range: .seconds(2) ... .seconds(600))
        public var maxDuration: Duration = .seconds(60)
        @StageOption("Where it is cut: at new scenes, in silences, at either of them, or anywhere.")
        public var at: Places = .either
        @StageOption("Shortest part, at most half of the longest.", range: .seconds(1) ... .seconds(300))
        public var minDuration: Duration = .seconds(5)
        @StageOption("Most parts; footage that would give more is refused.", range: 2...99)
        public var maxParts: Int = 20

        /// The defaults.
        public init() {}
    }

    /// Where footage is cut.
    public enum Places: String, OptionValue, CaseIterable {
        /// Where a new scene begins.
        case scenes
        /// In the middle of silences.
        case silences
        /// At either, best where both meet.
        case either
        /// Where parts of equal length end; nothing is decoded for it.
        case anywhere
    }

    private let options: Options

    /// A stage with options that may contradict each other: `check` tells.
    public init(options: Options) throws(StageError) { self.options = options }

    /// Finds a shortest part that leaves no room for cuts.
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

    /// Says how many parts there will be; where they are cut is an estimate, unless nothing has to be looked at for it.
    public func plan(_ input: ProbedMedia, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let finder = try finder(input)
        let parted = finder.estimate()
        var details = parted.summary
        details["estimate"] = .bool(finder.needsAnalysis)
        let action =
            finder.count == 1
            ? "leave it in one part: it is no longer than \(options.maxDuration.spoken)"
            : "cut it into \(finder.count) parts of at most \(options.maxDuration.spoken)"
        return StagePlan(action: action, reasons: parted.reasons, details: details, output: parted)
    }

    /// Looks for the best places and parts the footage.
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
        let finder = try SeriesFinder(input, rules: rules, at: options.at.places)
        guard finder.count <= options.maxParts else {
            throw StageError(
                .unusableFootage,
                "\(input.source.displayPath) is \(Duration.spoken(seconds: input.duration)) long and would give \(finder.count) parts of \(options.maxDuration.spoken), more than maxParts \(options.maxParts)",
                hint: "raise maxParts or maxDuration of the split stage, or cut the footage")
        }
        return finder
    }
}

extension Split.Places {
    /// In the media module's terms.
    fileprivate var places: SeriesFinder.Places {
        switch self {
        case .scenes: .scenes
        case .silences: .silences
        case .either: .either
        case .anywhere: .anywhere
        }
    }
}
