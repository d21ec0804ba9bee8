import Foundation
import Logging

/// Implements the endpoints: checks the state, writes an event to the journal, then applies it. The only owner of both.
actor SandboxEngine {
    private(set) var state: SandboxState
    private let journal: Journal
    let directory: DataDirectory
    let faults: FaultInjector
    let now: @Sendable () -> Date
    let logger: Logger
    var windows = RateWindows()
    var webhooks = WebhookOutbox()
    /// The newest writer of each upload; see ``ChunkLease``.
    var leases: [String: ChunkLease] = [:]
    /// Publish ids of posts that are waiting for inspection.
    nonisolated let inspections: AsyncStream<String>
    let inspectionQueue: AsyncStream<String>.Continuation
    /// Publish ids of posts whose video the sandbox must fetch.
    nonisolated let pulls: AsyncStream<String>
    let pullQueue: AsyncStream<String>.Continuation
    /// The server's address; empty until it listens.
    var baseURL = ""

    init(directory: DataDirectory, faults: FaultInjector, now: @escaping @Sendable () -> Date, logger: Logger)
        throws(SandboxError)
    {
        let (journal, events) = try Journal.open(directory.journal)
        self.directory = directory
        self.faults = faults
        self.now = now
        self.logger = logger
        self.journal = journal
        var state = SandboxState(replaying: events)
        if state.app == nil {
            let event = SandboxEvent.appCreated(.random())
            do {
                try journal.append(event)
            } catch {
                throw SandboxError(.storage, "cannot write the journal: \(error)")
            }
            state.apply(event)
        }
        self.state = state
        (inspections, inspectionQueue) = AsyncStream.makeStream()
        for id in state.uninspected { inspectionQueue.yield(id) }
        (pulls, pullQueue) = AsyncStream.makeStream()
        for id in state.pendingPulls { pullQueue.yield(id) }
    }

    var app: SandboxApp {
        get throws {
            guard let app = state.app else { throw SandboxError(.internalFault, "the sandbox has no app") }
            return app
        }
    }

    nonisolated var settings: SandboxSettings { faults.settings }

    var avatarURL: String { baseURL + "/_sandbox/avatar.svg" }

    /// Writes an event to the journal, then applies it to the state.
    func commit(_ event: SandboxEvent) throws {
        try journal.append(event)
        state.apply(event)
    }

    func listen(at baseURL: String) { self.baseURL = baseURL }

    /// Inspects uploads as they complete, one at a time, until the task is cancelled.
    func inspectArrivals() async {
        for await id in inspections {
            await inspect(id)
        }
    }

    private func inspect(_ publishID: String) async {
        guard let post = state.posts[publishID], post.isComplete, post.inspection == nil else { return }
        let file = directory.media(publishID)
        var settings = settings
        if let longest = post.longestSeconds {
            settings.maxVideoPostDurationSeconds = min(settings.maxVideoPostDurationSeconds, longest)
        }
        let inspection: Inspection
        do {
            inspection = try await Self.inspection(of: file, settings: settings)
        } catch is CancellationError {
            return
        } catch {
            logger.error("cannot read an upload", metadata: ["publishId": "\(publishID)", "error": "\(error)"])
            inspection = Inspection(sha256: "", facts: nil, failReason: "internal")
        }
        do {
            try commit(.inspected(publishID: publishID, inspection))
        } catch {
            logger.error("cannot write the journal", metadata: ["error": "\(error)"])
        }
    }

    /// Runs outside the actor, so that reading a large file does not block requests.
    @concurrent private static func inspection(of file: URL, settings: SandboxSettings) async throws -> Inspection {
        try await MediaInspector.inspect(file, settings: settings)
    }
}
