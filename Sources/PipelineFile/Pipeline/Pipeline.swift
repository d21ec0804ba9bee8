package import PipelineKit

/// A checked pipeline: its stages exist, their options are valid, and the stages fit together.
package struct Pipeline: Sendable {
    /// Identifies the pipeline in the ledger; the stem of the file name unless the file sets it.
    package var name: String
    /// The path of the file as the user gave it.
    package var file: String
    /// The patterns of the inputs with their locations.
    package var inputs: [(pattern: String, location: SourcePosition)]
    package var account: String
    /// The post settings after substitution. A sidecar overrides single keys.
    package var post: [String: JSONValue]
    /// The locations of the values in ``post``, by key.
    package var postLocations: [String: SourcePosition]
    package var stages: [PipelineStage]
    /// The environment variables behind post settings and stage options, such as `post.title` or `transcode.crf`.
    package var variables: [String: [String]] = [:]

    /// Whether a stage has irreversible effects, such as posting.
    package var isIrreversible: Bool { stages.contains { $0.type.effect == .irreversible } }
    /// The index of the stage that splits its input into parts; nil if there is none, or if it is the last stage.
    package var fanOut: Int? { stages.dropLast().firstIndex { $0.type.element != nil } }
}

/// One stage of a checked pipeline.
package struct PipelineStage: Sendable {
    /// Unique in the pipeline: the `id`, or else the name of the stage type.
    package var id: String
    package var type: StageDefinition
    /// The stage, initialised with its options.
    package var stage: AnyStage
    package var retry: RetryPolicy
    /// The time limit of one attempt; nil for no limit.
    package var timeout: Duration?
    /// Labels that a worker must offer to run the stage. Runs without a worker ignore them.
    package var labels: [String] = []
    /// The location of `uses`.
    package var location: SourcePosition
    /// The JSON pointer to the stage.
    package var pointer = ""
    /// The locations of the option values, by option name.
    package var optionLocations: [String: SourcePosition] = [:]
}

extension Pipeline {
    /// Adds a location and a pointer into the file to a finding from the check of `stage`. The finding's own pointer
    /// starts with an option of the stage, or with `post`.
    package func placed(_ finding: Diagnostic, of stage: PipelineStage) -> Diagnostic {
        var finding = finding
        let parts = (finding.pointer ?? "").split(separator: "/").map(String.init)
        var location: SourcePosition?
        if parts.first == "post" {
            location = parts.count > 1 ? postLocations[parts[1]] : nil
        } else if let option = parts.first {
            location = stage.optionLocations[option]
            finding.pointer = "\(stage.pointer)/with/\(parts.joined(separator: "/"))"
        }
        finding.location = finding.location ?? location ?? stage.location
        return finding
    }
}

/// The retry policy of a stage: exponential backoff with full jitter.
package struct RetryPolicy: Sendable, Hashable {
    /// The number of attempts, including the first.
    package var attempts: Int
    /// The upper bound of the first delay.
    package var delay: Duration
    /// The upper bound of all delays.
    package var maximumDelay: Duration
    /// Whether the pipeline sets `retry`. Then the delays also apply between the attempts of a job.
    package var isOwn = false

    package init(attempts: Int, delay: Duration = .seconds(1), maximumDelay: Duration = .seconds(60)) {
        self.attempts = attempts
        self.delay = delay
        self.maximumDelay = maximumDelay
    }

    /// The default policy: network stages have 5 attempts, others have one.
    package static func usual(for type: StageDefinition) -> RetryPolicy {
        RetryPolicy(attempts: type.resource == .network ? 5 : 1)
    }

    /// The delay before attempt `next` (2 for the first retry): uniform between 0 and
    /// min(maximumDelay, delay × 2^(next − 2)).
    /// - Parameter random: A random number in `0..<1`.
    package func backoff(before next: Int, random: Double) -> Duration {
        ExponentialBackoff(base: delay, cap: maximumDelay).delay(afterAttempt: next - 1, random: random)
    }
}
