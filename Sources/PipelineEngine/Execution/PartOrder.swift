import PipelineKit

/// Serialises the irreversible stages of a series in the order of its parts. Earlier stages may run ahead.
actor PartOrder {
    /// The numbers of parts that finished or failed.
    private var ended: Set<Int> = []
    /// The error of the first part that also stops later parts.
    private var stop: (number: Int, error: StageError)?
    private var waiters: [Int: CheckedContinuation<Void, Never>] = [:]

    /// Waits until all parts before `number` have ended.
    /// - Throws: `StageError`: `cancelled` if the task is cancelled, or the error of an earlier part that also stops
    ///   this one.
    func turn(of number: Int) async throws(StageError) {
        while !isNext(number) {
            if Task.isCancelled { throw .cancelled }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    if Task.isCancelled || isNext(number) {
                        continuation.resume()
                    } else {
                        waiters[number] = continuation
                    }
                }
            } onCancel: {
                Task { await self.wake(number) }
            }
        }
        if Task.isCancelled { throw .cancelled }
        if let stop, stop.number < number {
            let error = stop.error
            throw StageError(
                error.code, "not posted: \(error.message)", hint: error.hint, recovery: error.recovery,
                outcome: error.outcome)
        }
    }

    /// Records that a part finished or failed, and wakes the next one.
    /// - Parameter error: The error of the part if it also stops all later parts.
    func end(_ number: Int, stopping error: StageError?) {
        ended.insert(number)
        // Keep the error of the earliest part: an error stops only the parts after it.
        if let error, number < stop?.number ?? .max { stop = (number, error) }
        for waiter in waiters.keys.sorted() where isNext(waiter) { wake(waiter) }
    }

    private func isNext(_ number: Int) -> Bool { (1..<number).allSatisfy(ended.contains) }

    private func wake(_ number: Int) { waiters.removeValue(forKey: number)?.resume() }
}
