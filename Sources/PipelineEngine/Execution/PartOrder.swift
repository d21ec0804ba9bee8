import PipelineKit

/// Lets the parts of a series do what can't be undone one after another, in their order. Whatever comes before runs ahead.
actor PartOrder {
    /// Parts that are through or have failed, by number.
    private var ended: Set<Int> = []
    /// What ended a part and would end the later ones too.
    private var stop: (number: Int, error: StageError)?
    private var waiters: [Int: CheckedContinuation<Void, Never>] = [:]

    /// Waits until all parts before `number` have ended.
    /// - Throws: `StageError`: `cancelled` when the task is cancelled meanwhile, or what ended an earlier part and
    ///   concerns this one too.
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

    /// Says that a part is through, or has failed.
    /// - Parameter error: What ended it, when it concerns all later parts as well.
    func end(_ number: Int, stopping error: StageError?) {
        ended.insert(number)
        // One that ran ahead concerns those behind it only.
        if let error, number < stop?.number ?? .max { stop = (number, error) }
        for waiter in waiters.keys.sorted() where isNext(waiter) { wake(waiter) }
    }

    private func isNext(_ number: Int) -> Bool { (1..<number).allSatisfy(ended.contains) }

    private func wake(_ number: Int) { waiters.removeValue(forKey: number)?.resume() }
}
