import Foundation

/// A short queue between two threads: one puts, the other takes, and neither runs far ahead of the other.
///
/// Whoever gives up first stops the other: a reader that has enough calls ``stop()``, a writer that has no more calls
/// ``finish()``.
final class HandOff<Element: Sendable>: Stoppable, @unchecked Sendable {
    // All of it is touched only while `condition` is held.
    private let condition = NSCondition()
    private var waiting: [Element] = []
    private var isFinished = false
    private var hasStopped = false
    private let capacity: Int

    /// A queue.
    /// - Parameter capacity: Elements that may wait in it.
    init(capacity: Int) { self.capacity = capacity }

    /// Whether ``stop()`` was called.
    var isStopped: Bool {
        condition.lock()
        defer { condition.unlock() }
        return hasStopped
    }

    /// Puts an element, waiting for room.
    /// - Returns: False when nobody will take it.
    func put(_ element: Element) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        while waiting.count >= capacity, !hasStopped { condition.wait() }
        if hasStopped { return false }
        waiting.append(element)
        condition.broadcast()
        return true
    }

    /// Takes the next element, waiting for one.
    /// - Returns: Nil when there will be none.
    func take() -> Element? {
        condition.lock()
        defer { condition.unlock() }
        while waiting.isEmpty, !isFinished, !hasStopped { condition.wait() }
        if hasStopped || waiting.isEmpty { return nil }
        defer { condition.broadcast() }
        return waiting.removeFirst()
    }

    /// Says that no more will be put.
    func finish() {
        condition.lock()
        defer { condition.unlock() }
        isFinished = true
        condition.broadcast()
    }

    /// Says that no more will be taken; what waits is dropped.
    func stop() {
        condition.lock()
        defer { condition.unlock() }
        hasStopped = true
        waiting.removeAll()
        condition.broadcast()
    }
}

/// Something that a thread may be waiting for, and that can be told to wait no longer.
protocol Stoppable: AnyObject, Sendable {
    /// Wakes whoever waits.
    func stop()
}
