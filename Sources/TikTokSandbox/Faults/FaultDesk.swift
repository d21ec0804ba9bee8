import Synchronization

/// Holds the fault plan in force and counts how often each rule has struck.
final class FaultDesk: Sendable {
    private struct Desk {
        var plan: FaultPlan
        var seen: [Int]
    }

    private let desk: Mutex<Desk>

    init(plan: FaultPlan) {
        desk = Mutex(Desk(plan: plan, seen: plan.rules.map { _ in 0 }))
    }

    /// The plan in force.
    var plan: FaultPlan { desk.withLock(\.plan) }

    /// The settings in force.
    var settings: SandboxSettings { desk.withLock(\.plan.settings) }

    /// Puts another plan in force; all counters start anew.
    func replace(with plan: FaultPlan) {
        desk.withLock { $0 = Desk(plan: plan, seen: plan.rules.map { _ in 0 }) }
    }

    /// The actions for a request, in the order of the plan: any delays, and at most one other action, which comes last.
    ///
    /// Rules behind one that has struck do not see the request, so that two rules for the same path strike one after the other.
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
