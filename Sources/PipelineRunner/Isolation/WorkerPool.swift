import PipelineKit
import Synchronization

/// Keeps child processes warm between requests and replaces those that died.
package final class WorkerPool: Sendable {
    private struct State {
        var idle: [StageWorker] = []
        /// A child that was started ahead of its first work.
        var coming: Task<StageWorker?, Never>?
        var isClosed = false
    }

    private let launch: WorkerLaunch
    private let limits: WorkerLimits
    private let state = Mutex(State())
    /// More are let go after their work.
    private let idleLimit: Int
    private let onEnd: @Sendable (WorkerEnd) -> Void

    /// A pool; no child is started before there is work.
    /// - Parameter onEnd: Told of every child that dies at its work.
    package init(
        launch: WorkerLaunch, limits: WorkerLimits = WorkerLimits(), idleLimit: Int = 4,
        onEnd: @escaping @Sendable (WorkerEnd) -> Void = { _ in }
    ) {
        self.launch = launch
        self.limits = limits
        self.idleLimit = idleLimit
        self.onEnd = onEnd
    }

    /// Starts a child ahead of the first work; whether that succeeds is told by the work.
    package func warm() {
        state.withLock { state in
            guard !state.isClosed, state.coming == nil, state.idle.isEmpty else { return }
            let (launch, limits) = (launch, limits)
            state.coming = Task { [self] in
                let worker = try? await StageWorker.start(launch, limits: limits)
                guard let worker, self.state.withLock({ $0.isClosed }) else { return worker }
                await worker.close()
                return nil
            }
        }
    }

    /// Has a child do something.
    ///
    /// A child that worked on other footage before may have been left broken by it: when it dies, the work is given
    /// once to a new one, so that the blame falls on the right asset.
    func perform(
        _ message: (Int) -> HostMessage,
        events: @escaping @Sendable (ChildMessage, StageWorker) -> Void
    ) async throws(StageWorker.Failure) -> ResultMessage {
        var isRepeated = false
        while true {
            if Task.isCancelled { throw .stage(.cancelled) }
            let worker = try await take(isNew: isRepeated)
            let wasUsed = worker.isUsed
            do throws(StageWorker.Failure) {
                let result = try await worker.perform(message) { events($0, worker) }
                await giveBack(worker)
                return result
            } catch {
                guard case .ended(let end) = error else {
                    await giveBack(worker)
                    throw error
                }
                onEnd(end)
                guard wasUsed, !isRepeated, end.mayBeInherited else { throw error }
                isRepeated = true
            }
        }
    }

    /// Lets all children go and waits until they are gone; one that is still starting, and has nothing to lose, goes on
    /// its own.
    package func close() async {
        let (idle, coming) = state.withLock { state in
            state.isClosed = true
            defer { (state.idle, state.coming) = ([], nil) }
            return (state.idle, state.coming)
        }
        for worker in idle { await worker.close() }
        if let coming { Task { await coming.value?.close() } }
    }

    private func take(isNew: Bool) async throws(StageWorker.Failure) -> StageWorker {
        if !isNew {
            let coming = state.withLock { state in
                defer { state.coming = nil }
                return state.coming
            }
            if let worker = await coming?.value, worker.isAlive { return worker }
            while let worker = state.withLock({ $0.idle.popLast() }) {
                if worker.isAlive { return worker }
            }
        }
        return try await StageWorker.start(launch, limits: limits)
    }

    private func giveBack(_ worker: StageWorker) async {
        let isKept = state.withLock { state in
            guard !state.isClosed, state.idle.count < idleLimit, worker.isAlive else { return false }
            state.idle.append(worker)
            return true
        }
        if !isKept { await worker.close() }
    }
}
