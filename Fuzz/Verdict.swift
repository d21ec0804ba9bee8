import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting

/// What became of a case.
enum Verdict: String, CaseIterable, Sendable {
    /// A delivery was made.
    case delivered
    /// It was refused, with an error that says why.
    case refused
    /// The child crashed: contained.
    case crashed
    /// The child hung and was ended: contained.
    case hung
    /// The child took too much memory and was ended: contained.
    case overMemory = "over memory"
    /// The host failed, or said that the program is at fault.
    case uncontained = "not contained"

    /// The verdict over a child that ended.
    init(_ end: WorkerEnd) {
        switch end {
        case .signalled, .exited: self = .crashed
        case .stalled, .stopped, .overProcessor, .overTime: self = .hung
        case .overMemory: self = .overMemory
        case .brokeProtocol, .neverReady, .foreignProtocol: self = .uncontained
        }
    }
}

/// What became of all cases.
struct Tally: Sendable {
    private(set) var counts: [Verdict: Int] = [:]
    /// Children that died of earlier footage: the same case went well in a new one.
    var inherited = 0
    /// The longest case in seconds, and its number.
    private(set) var slowest = (seconds: 0.0, number: 0)

    var cases: Int { counts.values.reduce(0, +) }
    subscript(verdict: Verdict) -> Int { counts[verdict] ?? 0 }

    mutating func add(_ verdict: Verdict, seconds: Double, number: Int) {
        counts[verdict, default: 0] += 1
        if seconds > slowest.seconds { slowest = (seconds, number) }
    }
}
