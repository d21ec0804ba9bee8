import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineKit
import StageHosting

/// The outcome of a case.
enum Verdict: String, CaseIterable, Sendable {
    /// The stages made a delivery.
    case delivered
    /// A stage refused the file with an error that explains why.
    case refused
    /// The child crashed; contained.
    case crashed
    /// The child hung and was killed; contained.
    case hung
    /// The child exceeded its memory limit and was killed; contained.
    case overMemory = "over memory"
    /// The host failed, or reported an internal error.
    case uncontained = "not contained"

    /// The verdict for a child that died.
    init(_ end: TerminationReason) {
        switch end {
        case .signalled, .exited: self = .crashed
        case .stalled, .stopped, .overProcessor, .overTime: self = .hung
        case .overMemory: self = .overMemory
        case .brokeProtocol, .neverReady, .foreignProtocol: self = .uncontained
        }
    }
}

/// The outcome of a case with its number and its duration in seconds.
struct CaseResult: Sendable {
    var number: Int
    var verdict: Verdict
    var seconds: Double
}

/// Counts the outcomes of all cases.
struct Tally: Sendable {
    private(set) var counts: [Verdict: Int] = [:]
    /// Children that died of an earlier case; see ``ChildRunner/inherited``.
    var inherited = 0
    /// The duration in seconds and the number of the slowest case.
    private(set) var slowest = (seconds: 0.0, number: 0)

    var cases: Int { counts.values.reduce(0, +) }
    subscript(verdict: Verdict) -> Int { counts[verdict] ?? 0 }

    mutating func add(_ result: CaseResult) {
        counts[result.verdict, default: 0] += 1
        if result.seconds > slowest.seconds { slowest = (result.seconds, result.number) }
    }
}
