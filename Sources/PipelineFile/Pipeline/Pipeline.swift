package import PipelineKit

/// A pipeline that was checked: everything in it is known and fits.
package struct Pipeline: Sendable {
    /// Its name.
    package var name: String
    /// The file, as the user named it.
    package var file: String
    /// Patterns of its inputs with their places.
    package var inputs: [(pattern: String, location: SourceLocation)]
    /// The account's name.
    package var account: String
    /// The post's settings as written: a sidecar overrides single keys.
    package var post: [String: JSONValue]
    /// Where the post's keys stand.
    package var postLocations: [String: SourceLocation]
    /// The stages in order.
    package var stages: [PipelineStage]

    /// Whether running it can leave something that can't be taken back.
    package var isIrreversible: Bool { stages.contains { $0.type.effect == .irreversible } }
    /// The place of the stage that makes several things of one; nil when there is none, or none behind it.
    package var fanOut: Int? { stages.dropLast().firstIndex { $0.type.element != nil } }
}

/// One stage of a checked pipeline.
package struct PipelineStage: Sendable {
    /// Unique in the pipeline: its `id`, else its name.
    package var id: String
    /// The kind of stage.
    package var type: StageType
    /// The stage with its options.
    package var stage: AnyStage
    /// When and how often to try again.
    package var retry: RetryPolicy
    /// How long one attempt may take.
    package var timeout: Duration?
    /// What a worker must offer to do it; of no concern to runs that no worker began.
    package var labels: [String] = []
    /// Where it stands.
    package var location: SourceLocation
    /// JSON pointer to it.
    package var pointer = ""
    /// Where the values of its options stand.
    package var optionLocations: [String: SourceLocation] = [:]
}

extension Pipeline {
    /// A finding of a stage's own check, at the place that its pointer means: an option of the stage, or a key of the
    /// post.
    package func placed(_ finding: Diagnostic, of stage: PipelineStage) -> Diagnostic {
        var finding = finding
        let parts = (finding.pointer ?? "").split(separator: "/").map(String.init)
        var place: SourceLocation?
        if parts.first == "post" {
            place = parts.count > 1 ? postLocations[parts[1]] : nil
        } else if let option = parts.first {
            place = stage.optionLocations[option]
            finding.pointer = "\(stage.pointer)/with/\(parts.joined(separator: "/"))"
        }
        finding.location = finding.location ?? place ?? stage.location
        return finding
    }
}

/// When a failed attempt is made again: exponential back-off with full jitter.
package struct RetryPolicy: Sendable, Hashable {
    /// Attempts in all, the first included.
    package var attempts: Int
    /// The longest first delay.
    package var delay: Duration
    /// The longest delay.
    package var maximumDelay: Duration
    /// Whether the pipeline says so; then it counts between the attempts of a job, too.
    package var isOwn = false

    /// A policy.
    package init(attempts: Int, delay: Duration = .seconds(1), maximumDelay: Duration = .seconds(60)) {
        self.attempts = attempts
        self.delay = delay
        self.maximumDelay = maximumDelay
    }

    /// What a stage gets that says nothing: networks are tried again, computations are not.
    package static func usual(for type: StageType) -> RetryPolicy {
        RetryPolicy(attempts: type.resource == .network ? 5 : 1)
    }

    /// The delay before attempt `next` (2 for the first repetition): uniform between 0 and
    /// min(maximum, delay × 2^(next − 2)).
    /// - Parameter random: A number in 0 ..< 1.
    package func backoff(before next: Int, random: Double) -> Duration {
        let ceiling = min(maximumDelay.inSeconds, delay.inSeconds * pow2(next - 2))
        return .seconds(ceiling * random)
    }

    private func pow2(_ exponent: Int) -> Double {
        (0..<max(0, min(exponent, 40))).reduce(1) { value, _ in value * 2 }
    }
}
