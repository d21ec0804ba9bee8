package import PipelineKit
package import PluginProtocol
import Synchronization

/// Keeps child processes warm between requests and replaces those that died.
package final class WorkerPool: Sendable {
    private struct State {
        /// Greeted children and what each is confined to.
        var idle: [(reach: Reach?, worker: StageWorker)] = []
        /// A child that was started ahead of its work and waits for its greeting.
        var coming: StageWorker?
        /// How the first child answered the greeting: what was checked of it holds for those that follow.
        var first: ChildReady?
        var isClosed = false
    }

    /// Whose stages the children work for.
    package enum Origin: Sendable, Hashable {
        /// This program's own: they may ask for all that stages may.
        case program
        /// A plugin's.
        case plugin(name: String)
    }

    /// Whose stages the children work for.
    package let origin: Origin
    private let launch: WorkerLaunch
    private let limits: WorkerLimits
    private let hostVersion: String
    private let redact: @Sendable (String) -> String
    private let state = Mutex(State())
    /// More are let go after their work.
    private let idleLimit: Int
    private let onEnd: @Sendable (WorkerEnd) -> Void

    /// A pool; no child is started before there is work.
    /// - Parameter redact: Takes out of what children say what must not be seen.
    /// - Parameter onEnd: Told of every child that dies at its work.
    package init(
        launch: WorkerLaunch, limits: WorkerLimits = WorkerLimits(), origin: Origin = .program,
        hostVersion: String = "", idleLimit: Int = 4, redact: @escaping @Sendable (String) -> String = { $0 },
        onEnd: @escaping @Sendable (WorkerEnd) -> Void = { _ in }
    ) {
        self.launch = launch
        self.limits = limits
        self.origin = origin
        self.hostVersion = hostVersion
        self.idleLimit = idleLimit
        self.redact = redact
        self.onEnd = onEnd
    }

    /// Starts a child ahead of its work; whether that succeeds is told by the work.
    /// - Parameter beside: Also when there are idle ones, which are confined to other work.
    package func warm(beside: Bool = false) {
        state.withLock { state in
            guard !state.isClosed, state.coming == nil, beside || state.idle.isEmpty else { return }
            state.coming = StageWorker(launch, limits: limits, redact: redact)
        }
    }

    /// Greets a child and gives its answer.
    /// - Throws: `StageError` with code `configuration` when it can't be started or speaks another protocol.
    package func ready(reach: Reach? = nil) async throws(StageError) -> ChildReady {
        let name = if case .plugin(let name) = origin { name } else { "stage-worker" }
        let worker = take(reach, isNew: false).worker
        do throws(StageWorker.Failure) {
            // Idle children were greeted before.
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

    private func greet(_ worker: StageWorker, _ reach: Reach?) async throws(StageWorker.Failure) -> ChildReady {
        let ready = try await worker.greet(hello(reach))
        let isSame = state.withLock { state in
            let first = state.first ?? ready
            state.first = first
            return first.offersTheSame(as: ready)
        }
        guard isSame else {
            await worker.close()
            throw .ended(.neverReady("it offers something else than when it was started before"))
        }
        return ready
    }

    private func hello(_ reach: Reach?) -> HostHello {
        let services = if case .program = origin { HostService.allCases } else { HostService.open }
        return HostHello(
            host: "spreader-pipeline", version: hostVersion, features: services.map(\.rawValue) + ["shutdown"],
            memory: limits.memory.bytes, reach: reach)
    }

    /// Has a child do something.
    ///
    /// A child that worked on other footage before may have been left broken by it: when it dies, the work is given
    /// once to a new one, so that the blame falls on the right asset.
    /// - Parameters:
    ///   - reach: What the child may reach; one that is confined to something else is not used.
    ///   - mayRepeat: Whether the work may be done twice.
    func perform(
        _ message: (Int) -> HostMessage, reach: Reach? = nil, mayRepeat: Bool = true,
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

    /// Why a request has no result, and what the child said last.
    struct Failure: Error {
        var reason: StageWorker.Failure
        var lastWords: String?

        init(_ reason: StageWorker.Failure, lastWords: String? = nil) {
            self.reason = reason
            self.lastWords = lastWords
        }
    }

    /// Lets all children go and waits until they are gone.
    package func close() async {
        let (idle, coming) = state.withLock { state in
            state.isClosed = true
            defer { (state.idle, state.coming) = ([], nil) }
            return (state.idle.map(\.worker), state.coming)
        }
        // One that was never greeted has nothing to lose, and nobody waits for it.
        if let coming { Task { await coming.close() } }
        await withTaskGroup { group in
            for worker in idle { group.addTask { await worker.close() } }
        }
    }

    /// A child, and whether it has to be greeted.
    private func take(_ reach: Reach?, isNew: Bool) -> (worker: StageWorker, isNew: Bool) {
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

    private func giveBack(_ worker: StageWorker, _ reach: Reach?) async {
        let surplus: StageWorker? = state.withLock { state in
            guard !state.isClosed, worker.isAlive else { return worker }
            // Those that are confined to what was done with long ago go first.
            let oldest = state.idle.count < idleLimit ? nil : state.idle.removeFirst().worker
            state.idle.append((reach, worker))
            return oldest
        }
        await surplus?.close()
    }
}

extension ChildReady {
    /// Whether another answer to the greeting differs in nothing but what confines the child.
    fileprivate func offersTheSame(as other: ChildReady) -> Bool {
        var other = other
        other.confinement = confinement
        return self == other
    }
}
