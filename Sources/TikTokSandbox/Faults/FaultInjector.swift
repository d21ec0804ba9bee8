import Synchronization

/// Holds the current fault plan and counts how many requests each rule has matched.
final class FaultInjector: Sendable {
    private struct State {
        let plan: FaultPlan
        /// The number of matching requests so far, by rule.
        var matches: [Int]

        init(_ plan: FaultPlan) {
            self.plan = plan
            matches = plan.rules.map { _ in 0 }
        }
    }

    private let state: Mutex<State>

    init(plan: FaultPlan) { state = Mutex(State(plan)) }

    var plan: FaultPlan { state.withLock(\.plan) }

    var settings: SandboxSettings { state.withLock(\.plan.settings) }

    /// Replaces the plan and resets all counters.
    func replace(with plan: FaultPlan) {
        state.withLock { $0 = State(plan) }
    }

    /// Returns the actions for a request, in the order of the plan: any delays, then at most one other action.
    ///
    /// A rule that applies hides the request from later rules, so that two rules for the same path apply in turn. Delays
    /// do not hide it.
    func actions(path: String, method: String, chunk: Int?) -> [FaultAction] {
        state.withLock { state in
            var actions: [FaultAction] = []
            for (index, rule) in state.plan.rules.enumerated()
            where rule.match.covers(path: path, method: method, chunk: chunk) {
                state.matches[index] += 1
                guard rule.applies(toMatch: state.matches[index]) else { continue }
                actions.append(rule.action)
                if rule.action.isTerminal { break }
            }
            return actions
        }
    }
}
