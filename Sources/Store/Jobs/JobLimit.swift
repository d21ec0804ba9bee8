/// How many jobs of a queue or an account may run at once, over all workers.
package struct JobLimit: Sendable, Hashable {
    /// The jobs that a limit counts.
    package enum Scope: Sendable, Hashable {
        case queue(String)
        case account(String)
    }

    package var scope: Scope
    /// The number of jobs; 0 starts none.
    package var capacity: Int

    package init(_ scope: Scope, capacity: Int) {
        self.scope = scope
        self.capacity = capacity
    }
}

extension JobLimit.Scope: CustomStringConvertible {
    /// The kind and the name, such as `queue default`.
    package var description: String { "\(column) \(name)" }

    /// The name of the queue or account.
    package var name: String {
        switch self {
        case .queue(let name), .account(let name): name
        }
    }

    /// The column of `jobs` with that name, which is also the kind of the row in `jobLimits`.
    var column: String {
        switch self {
        case .queue: "queue"
        case .account: "account"
        }
    }
}
