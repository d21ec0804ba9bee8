package import PipelineKit
package import PluginProtocol
import Synchronization

/// Keeps idle child processes for reuse between requests, and replaces those that died.
package final class WorkerPool: Sendable {
    private struct State {
        /// Greeted children, each with its sandbox policy.
        var idle: [(reach: SandboxPolicy?, worker: StageWorker)] = []
        /// A child started ahead of its work, which waits for the greeting.
        var coming: StageWorker?
        /// The first child's answer to the greeting, which was checked; later children must give the same.
        var first: ChildReady?
        var isClosed = false
    }

    /// The owner of the stages that the children run.
    package enum Origin: Sendable, Hashable {
        /// The program itself: its children may call all services.
        case program
        /// A plugin: its children may call only ``HostService/open``.
        case plugin(name: String)
    }

    package let origin: Origin
    private let launch: WorkerLaunch
    private let limits: WorkerLimits
    private let hostVersion: String
    private let redact: @Sendable (String) -> String
    private let state = Mutex(State())
    /// How many idle children to keep; more are closed after their work.
    private let idleLimit: Int
    private let onEnd: @Sendable (TerminationReason) -> Void

    /// Creates a pool, which starts no child before there is work.
    /// - Parameter redact: Removes secrets from the children's output.
    /// - Parameter onEnd: Called for every child that dies during a request.
    package init(
        launch: WorkerLaunch, limits: WorkerLimits = WorkerLimits(), origin: Origin = .program,
        hostVersion: String = "", idleLimit: Int = 4, redact: @escaping @Sendable (String) -> String = { $0 },
        onEnd: @escaping @Sendable (TerminationReason) -> Void = { _ in }
    ) {
        self.launch = launch
        self.limits = limits
        self.origin = origin
        self.hostVersion = hostVersion
        self.idleLimit = idleLimit
        self.redact = redact
        self.onEnd = onEnd
    }

    /// Starts a child ahead of its work. Errors appear with the first request.
    /// - Parameter beside: Whether to start it even if there are idle children, which have another sandbox policy.
    package func warm(beside: Bool = false) {
        state.withLock { state in
            guard !state.isClosed, state.coming == nil, beside || state.idle.isEmpty else { return }
            state.coming = StageWorker(launch, limits: limits, redact: redact)
        }
    }

    /// Returns a child's answer to the greeting, starting one if none is idle.
    /// - Throws: `StageError` with code `configuration` if it can't be started or speaks another protocol.
    package func ready(reach: SandboxPolicy? = nil) async throws(StageError) -> ChildReady {
        let name = if case .plugin(let name) = origin { name } else { "stage-worker" }
        let worker = take(reach, isNew: false).worker
        do throws(StageWorker.Failure) {
            // An idle child has answered already.
            let ready: ChildReady
            if let known = worker.ready { ready = known } else { ready = try await greet(worker, reach) }
            await giveBack(worker, reach)
            return ready
        } catch {
            switch error {
            case .stage(let error): throw error
            case .ended(let end): throw end.startError(plugin: name, lastWords: worker.lastWords)
            }
        }
    }

    private func greet(_ worker: StageWorker, _ reach: SandboxPolicy?) async throws(StageWorker.Failure) -> ChildReady {
        let ready = try await worker.greet(hello(reach))
        let isSame = state.withLock { state in
            let first = state.first ?? ready
            state.first = first
            return first.offersTheSame(as: ready)
        }
        guard isSame else {
            await worker.close()
            throw .ended(.neverReady("it offers other stages or features than when it was started before"))
        }
        return ready
    }

    private func hello(_ reach: SandboxPolicy?) -> HostHello {
        let services = if case .program = origin { HostService.allCases } else { HostService.open }
        return HostHello(
            host: "spreader-pipeline", version: hostVersion, features: services.map(\.rawValue) + ["shutdown"],
            memory: limits.memory.bytes, reach: reach)
    }

    /// Sends a request to a child and waits for the result.
    ///
    /// Earlier footage may have corrupted a child that was used before. If such a child dies, a new one repeats the
    /// request once, so that the right asset gets the blame.
    /// - Parameters:
    ///   - reach: The sandbox policy; only children with the same policy are reused.
    ///   - mayRepeat: Whether the request may run twice.
    func perform(
        _ message: (Int) -> HostMessage, reach: SandboxPolicy? = nil, mayRepeat: Bool = true,
        events: @escaping @Sendable (ChildMessage, StageWorker) -> Void
    ) async throws(Failure) -> ResultMessage {
        var isRepeated = false
        while true {
            if Task.isCancelled { throw Failure(.stage(.cancelled)) }
            let (worker, isNew) = take(reach, isNew: isRepeated)
            let wasUsed = worker.isUsed
            do throws(StageWorker.Failure) {
                if isNew { _ = try await greet(worker, reach) }
                let result = try await worker.perform(message) { events($0, worker) }
                await giveBack(worker, reach)
                return result
            } catch {
                guard case .ended(let end) = error else {
                    await giveBack(worker, reach)
                    throw Failure(error)
                }
                onEnd(end)
                guard wasUsed, mayRepeat, !isRepeated, end.mayBeInherited else {
                    throw Failure(error, lastWords: worker.lastWords)
                }
                isRepeated = true
            }
        }
    }

    /// Why a request failed, and the child's last lines on standard error.
    struct Failure: Error {
        var reason: StageWorker.Failure
        var lastWords: String?

        init(_ reason: StageWorker.Failure, lastWords: String? = nil) {
            self.reason = reason
            self.lastWords = lastWords
        }
    }

    /// Closes all idle children and waits until they have ended.
    package func close() async {
        let (idle, coming) = state.withLock { state in
            state.isClosed = true
            defer { (state.idle, state.coming) = ([], nil) }
            return (state.idle.map(\.worker), state.coming)
        }
        // A child that was never greeted has no work to lose: don't wait for it.
        if let coming { Task { await coming.close() } }
        await withTaskGroup { group in
            for worker in idle { group.addTask { await worker.close() } }
        }
    }

    /// Returns a child, and whether it still needs the greeting.
    private func take(_ reach: SandboxPolicy?, isNew: Bool) -> (worker: StageWorker, isNew: Bool) {
        state.withLock { state in
            if !isNew {
                state.idle.removeAll { !$0.worker.isAlive }
                if let index = state.idle.lastIndex(where: { $0.reach == reach }) {
                    return (state.idle.remove(at: index).worker, false)
                }
                if let coming = state.coming, !coming.hasEnded {
                    state.coming = nil
                    return (coming, true)
                }
            }
            return (StageWorker(launch, limits: limits, redact: redact), true)
        }
    }

    private func giveBack(_ worker: StageWorker, _ reach: SandboxPolicy?) async {
        let surplus: StageWorker? = state.withLock { state in
            guard !state.isClosed, worker.isAlive else { return worker }
            // Close the child that has been idle longest: its sandbox policy is the least likely to be needed.
            let oldest = state.idle.count < idleLimit ? nil : state.idle.removeFirst().worker
            state.idle.append((reach, worker))
            return oldest
        }
        await surplus?.close()
    }
}

extension ChildReady {
    /// Whether another answer to the greeting is the same but for ``confinement``.
    fileprivate func offersTheSame(as other: ChildReady) -> Bool {
        var other = other
        other.confinement = confinement
        return self == other
    }
}
