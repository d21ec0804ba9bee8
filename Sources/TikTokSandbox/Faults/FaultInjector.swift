import Synchronization

/// Holds the current fault plan and counts how many requests each rule has matched.
final class FaultInjector: Sendable {
    private struct Desk {
        var plan: FaultPlan
        var seen: [Int]
    }

    private let desk: Mutex<Desk>

    init(plan: FaultPlan) {
        desk = Mutex(Desk(plan: plan, seen: plan.rules.map { _ in 0 }))
    }

    var plan: FaultPlan { desk.withLock(\.plan) }

    var settings: SandboxSettings { desk.withLock(\.plan.settings) }

    /// Replaces the plan and resets all counters.
    func replace(with plan: FaultPlan) {
        desk.withLock { $0 = Desk(plan: plan, seen: plan.rules.map { _ in 0 }) }
    }

    /// Returns the actions for a request, in the order of the plan: any delays, then at most one other action.
    ///
    /// A rule that applies hides the request from later rules, so that two rules for the same path apply in turn. Delays
    /// do not hide it.
    func actions(path: String, method: String, chunk: Int?) -> [FaultAction] {
        desk.withLock { desk in
            var actions: [FaultAction] = []
            for (index, rule) in desk.plan.rules.enumerated()
            where rule.match.covers(path: path, method: method, chunk: chunk) {
                desk.seen[index] += 1
                let turn = desk.seen[index] - rule.after
                guard turn >= 1, rule.times.map({ turn <= $0 }) ?? true else { continue }
                actions.append(rule.action)
                if case .delay = rule.action { continue }
                break
            }
            return actions
        }
    }
}
