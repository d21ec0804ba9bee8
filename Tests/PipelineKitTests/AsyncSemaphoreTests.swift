import PipelineKit
import Testing

@Suite struct AsyncSemaphoreTests {
    private actor Occupancy {
        private var current = 0
        private(set) var most = 0

        func enter() {
            current += 1
            most = max(most, current)
        }

        func leave() { current -= 1 }
    }

    @Test func admitsOnlyAsManyTasksAsThereArePermits() async throws {
        let semaphore = AsyncSemaphore(permits: 2)
        let occupancy = Occupancy()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    try await semaphore.withPermit {
                        await occupancy.enter()
                        await Task.yield()
                        await occupancy.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(await (1...2).contains(occupancy.most))
    }

    @Test(.timeLimit(.minutes(1))) func aCancelledWaiterLeavesTheQueueAndKeepsNoPermit() async throws {
        let semaphore = AsyncSemaphore(permits: 1)
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let (left, leave) = AsyncStream.makeStream(of: Void.self)
        let holder = Task {
            try await semaphore.withPermit {
                enter.yield()
                for await _ in left { break }
            }
        }
        for await _ in entered { break }
        let waiter = Task { try await semaphore.withPermit {} }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        leave.yield()
        try await holder.value
        try await semaphore.withPermit {}
    }

    @Test(.timeLimit(.minutes(1))) func cancellationAtAnyTimeLosesNoPermit() async throws {
        let semaphore = AsyncSemaphore(permits: 3)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<500 {
                group.addTask {
                    let task = Task { try await semaphore.withPermit { await Task.yield() } }
                    if number.isMultiple(of: 2) { task.cancel() }
                    _ = await task.result
                }
            }
        }
        // Needs all three permits at once.
        try await semaphore.withPermit {
            try await semaphore.withPermit { try await semaphore.withPermit {} }
        }
    }

    @Test func errorsOfTheBodyReleaseThePermit() async throws {
        struct Failure: Error {}
        let semaphore = AsyncSemaphore(permits: 1)
        await #expect(throws: Failure.self) { try await semaphore.withPermit { throw Failure() } }
        #expect(try await semaphore.withPermit { 1 } == 1)
    }
}
