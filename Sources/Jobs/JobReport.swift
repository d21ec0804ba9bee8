import PipelineFile
import PipelineKit
import StageHosting
import Store
import Synchronization

/// Collects the events of a job's run and derives the outcome of the attempt from them.
package final class JobReport: Sendable {
    /// The pause before the next attempt if a limit does not say when it ends.
    private static let usualPause = Duration.seconds(60)
    /// The pause if another process works on the run, such as the child of a worker that lost its lease.
    private static let busyPause = Duration.seconds(5)

    /// Failure codes that blame the machine rather than the asset: another attempt may succeed.
    private static let passing: Set<String> = [
        StageError.Code.fileSystem.rawValue, StageError.Code.timeout.rawValue, StageError.Code.internalFault.rawValue,
    ]

    /// Failure codes that only need time. The run exits with their status, unless another part of a series failed for a
    /// different reason.
    private static let delays: Set<String> = [
        StageError.Code.limited.rawValue, StageError.Code.busy.rawValue, StageError.Code.scheduled.rawValue,
        StageError.Code.unavailable.rawValue,
    ]

    private struct State {
        var stage: String?
        var progress: Double?
        var runID: String?
        var message: String?
        var failure: (code: String, message: String, retryAfter: Double?)?
        var backoff: RetryPolicy?
        /// The longest delay of a part, in seconds; nil if no part is delayed.
        var delay: Double?
        var isUnconfirmed = false
        var deferredTo: [String]?
    }

    private let state = Mutex(State())

    /// The current stage, its progress from 0 to 1, and the run ID; nil if unknown.
    var place: (stage: String?, progress: Double?, runID: String?) {
        state.withLock { ($0.stage, $0.progress, $0.runID) }
    }

    /// Records an event of the run.
    func take(_ event: JSONValue) {
        state.withLock { state in
            if let run = event["run"]?.stringValue, run != "none" { state.runID = run }
            switch event["event"]?.stringValue {
            case "stage.started":
                (state.stage, state.progress) = (event["stage"]?.stringValue, 0)
            case "stage.progress": state.progress = event["fraction"]?.doubleValue
            case "stage.failed":
                let code = event["code"]?.stringValue ?? ""
                if code == StageError.Code.unconfirmed.rawValue { state.isUnconfirmed = true }
                if Self.delays.contains(code) {
                    state.delay = max(state.delay ?? 0, event["retryAfter"]?.doubleValue ?? Self.usualPause.inSeconds)
                }
                state.failure = (
                    code, event["message"]?.stringValue ?? "", event["retryAfter"]?.doubleValue
                )
                state.backoff = event["backoff"].flatMap { backoff in
                    guard let delay = backoff["delay"]?.doubleValue, let most = backoff["maxDelay"]?.doubleValue
                    else { return nil }
                    return RetryPolicy(attempts: 1, delay: .seconds(delay), maximumDelay: .seconds(most))
                }
            case "stage.deferred":
                guard case .array(let labels)? = event["labels"] else { break }
                state.deferredTo = labels.compactMap(\.stringValue)
            case "diagnostic":
                // A diagnostic is the reason if the run does not start. Within a run, a later failure replaces it.
                state.failure =
                    state.failure
                    ?? (event["code"]?.stringValue ?? "", event["message"]?.stringValue ?? "", nil)
            case "post.published":
                state.message = event["url"]?.stringValue ?? event["publishId"]?.stringValue
            case "asset.finished":
                if let reason = event["reason"]?.stringValue { state.message = reason }
            default: break
            }
        }
    }

    /// Derives the outcome of the attempt.
    /// - Parameters:
    ///   - attempt: The number of the attempt, from 1.
    ///   - isStopping: Whether the worker is shutting down.
    func outcome(_ end: TerminationReason, attempt: Int, isStopping: Bool) -> JobOutcome {
        let state = state.withLock { $0 }
        let message = state.failure?.message ?? "no reason given"
        guard case .exited(let status) = end else {
            return isStopping ? .released : .failed(message: "the run died: \(end)", after: nil)
        }
        switch StageError.Outcome(rawValue: Int(status)) {
        case nil where status == 0: return .completed(message: state.message)
        case .interrupted?: return .released
        case .tryLater? where state.deferredTo != nil:
            return .handedOver(needs: state.deferredTo ?? [])
        case .tryLater?:
            let isBusy = state.failure?.code == StageError.Code.busy.rawValue
            let pause =
                state.failure?.retryAfter.map { Duration.seconds($0) } ?? (isBusy ? Self.busyPause : Self.usualPause)
            return .snoozed(message: message, for: pause)
        case .unavailable?:
            // The delay that the service asks for wins over the stage's own retry policy.
            let policy = state.backoff?.backoff(before: attempt + 1, random: .random(in: 0..<1))
            return .failed(message: message, after: state.failure?.retryAfter.map { .seconds($0) } ?? policy)
        // Some parts of a series failed permanently, while others only have to wait.
        case .failed? where state.deferredTo != nil:
            return .handedOver(needs: state.deferredTo ?? [])
        case .failed? where state.delay != nil:
            return .failed(message: message, after: state.delay.map { .seconds($0) })
        case .failed? where state.isUnconfirmed:
            return .unconfirmed(message: message)
        // A full disk, a missing setting, a faulty machine: another machine, or a later attempt, may succeed.
        case .configuration?: return .failed(message: message, after: nil)
        case .failed? where Self.passing.contains(state.failure?.code ?? ""):
            return .failed(message: message, after: nil)
        // A login or another file is needed, so retrying will not help.
        case .failed?, .invalidData?, .notAuthorised?: return .discarded(message: message)
        case nil: return .discarded(message: "the run ended with status \(status): \(message)")
        }
    }
}
