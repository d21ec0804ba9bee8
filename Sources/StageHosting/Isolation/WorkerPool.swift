package import PipelineKit
package import PluginProtocol
import Synchronization

/// Keeps idle child processes for reuse between requests, and replaces those that died.
package final class WorkerPool: Sendable {
    /// A child and the sandbox policy that it applied to itself.
    private struct Member {
        var worker: StageWorker
        var sandbox: SandboxPolicy?
        /// Whether the child has answered the greeting.
        var isGreeted: Bool
    }

    private struct State {
        /// Greeted children.
        var idle: [Member] = []
        /// A child started ahead of its work, which waits for the greeting.
        var spare: StageWorker?
        /// The first child's answer to the greeting, which was checked; later children must give the same.
        var firstReady: ChildReady?
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
            guard !state.isClosed, state.spare == nil, beside || state.idle.isEmpty else { return }
            state.spare = newWorker()
        }
    }

    /// Returns a child's answer to the greeting, starting one if none is idle.
    /// - Throws: `StageError` with code `configuration` if it can't be started or speaks another protocol.
    package func ready(sandbox: SandboxPolicy? = nil) async throws(StageError) -> ChildReady {
        let name = if case .plugin(let name) = origin { name } else { "stage-worker" }
        let member = takeMember(sandbox: sandbox)
        do throws(StageWorker.Failure) {
            // An idle child has answered already.
            let ready: ChildReady
            if let known = member.worker.ready { ready = known } else { ready = try await greet(member) }
            await giveBack(member)
            return ready
        } catch {
            switch error {
            case .stage(let error): throw error
            case .ended(let reason): throw reason.startError(plugin: name, lastErrors: member.worker.lastErrors)
            }
        }
    }

    private func greet(_ member: Member) async throws(StageWorker.Failure) -> ChildReady {
        let services = if case .program = origin { HostService.allCases } else { HostService.open }
        let ready = try await member.worker.greet(
            HostHello(
                host: "spreader-pipeline", version: hostVersion, features: services.map(\.rawValue) + ["shutdown"],
                memory: limits.memory.bytes, sandbox: member.sandbox))
        let isSame = state.withLock { state in
            let first = state.firstReady ?? ready
            state.firstReady = first
            return first.offersTheSame(as: ready)
        }
        guard isSame else {
            await member.worker.close()
            throw .ended(.neverReady("it offers other stages or features than when it was started before"))
        }
        return ready
    }

    /// Sends a request to a child and waits for the result.
    ///
    /// Earlier footage may have corrupted a child that was used before. If such a child dies, a new one repeats the
    /// request once, so that the right asset gets the blame.
    /// - Parameters:
    ///   - sandbox: The sandbox policy; only children with the same policy are reused.
    ///   - mayRepeat: Whether the request may run twice.
    ///   - receive: Receives the child's progress, log lines and service calls, in order.
    func perform(
        _ request: HostMessage, sandbox: SandboxPolicy?, mayRepeat: Bool,
        receive: @escaping @Sendable (ChildMessage, StageWorker) -> Void
    ) async throws(Failure) -> ResultMessage {
        var isRepeated = false
        while true {
            if Task.isCancelled { throw Failure(.stage(.cancelled)) }
            let member = isRepeated ? newMember(sandbox: sandbox) : takeMember(sandbox: sandbox)
            let worker = member.worker
            let wasUsed = worker.isUsed
            do throws(StageWorker.Failure) {
                if !member.isGreeted { _ = try await greet(member) }
                let result = try await worker.perform(request) { receive($0, worker) }
                await giveBack(member)
                return result
            } catch {
                guard case .ended(let reason) = error else {
                    await giveBack(member)
                    throw Failure(error)
                }
                onEnd(reason)
                guard wasUsed, mayRepeat, !isRepeated, reason.mayBeInherited else {
                    throw Failure(error, lastErrors: worker.lastErrors)
                }
                isRepeated = true
            }
        }
    }

    /// Why a request failed, and the child's last lines on standard error.
    struct Failure: Error {
        var reason: StageWorker.Failure
        var lastErrors: String?

        init(_ reason: StageWorker.Failure, lastErrors: String? = nil) {
            self.reason = reason
            self.lastErrors = lastErrors
        }
    }

    /// Closes all idle children and waits until they have ended.
    package func close() async {
        let (idle, spare) = state.withLock { state in
            state.isClosed = true
            defer { (state.idle, state.spare) = ([], nil) }
            return (state.idle.map(\.worker), state.spare)
        }
        // A child that was never greeted has no work to lose: don't wait for it.
        if let spare { Task { await spare.close() } }
        await withTaskGroup { group in
            for worker in idle { group.addTask { await worker.close() } }
        }
    }

    // MARK: Members

    private func newWorker() -> StageWorker { StageWorker(launch, limits: limits, redact: redact) }

    private func newMember(sandbox: SandboxPolicy?) -> Member {
        Member(worker: newWorker(), sandbox: sandbox, isGreeted: false)
    }

    /// Returns an idle child with the same policy, the spare one, or a new one.
    private func takeMember(sandbox: SandboxPolicy?) -> Member {
        state.withLock { state in
            state.idle.removeAll { !$0.worker.isAlive }
            if let index = state.idle.lastIndex(where: { $0.sandbox == sandbox }) {
                return state.idle.remove(at: index)
            }
            if let spare = state.spare, !spare.hasEnded {
                state.spare = nil
                return Member(worker: spare, sandbox: sandbox, isGreeted: false)
            }
            return newMember(sandbox: sandbox)
        }
    }

    private func giveBack(_ member: Member) async {
        let surplus: StageWorker? = state.withLock { state in
            guard !state.isClosed, member.worker.isAlive else { return member.worker }
            // Close the child that has been idle longest: its sandbox policy is the least likely to be needed.
            let oldest = state.idle.count < idleLimit ? nil : state.idle.removeFirst().worker
            state.idle.append(Member(worker: member.worker, sandbox: member.sandbox, isGreeted: true))
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
