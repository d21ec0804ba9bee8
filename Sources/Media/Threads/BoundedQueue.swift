import Foundation

/// A bounded queue between two threads: blocks the producer while it is full and the consumer while it is empty.
///
/// A consumer that needs no more elements calls ``stop()``; a producer that has no more calls ``finish()``.
final class BoundedQueue<Element: Sendable>: Stoppable, @unchecked Sendable {
    // `condition` guards all mutable state.
    private let condition = NSCondition()
    private var elements: [Element] = []
    private var isFinished = false
    private var hasStopped = false
    private let capacity: Int

    /// - Parameter capacity: Most elements that the queue holds.
    init(capacity: Int) { self.capacity = capacity }

    /// Whether ``stop()`` was called.
    var isStopped: Bool {
        condition.lock()
        defer { condition.unlock() }
        return hasStopped
    }

    /// Appends an element, blocking while the queue is full.
    /// - Returns: False if the queue was stopped, in which case the element is dropped.
    func put(_ element: Element) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        while elements.count >= capacity, !hasStopped { condition.wait() }
        if hasStopped { return false }
        elements.append(element)
        condition.broadcast()
        return true
    }

    /// Removes the next element, blocking until there is one.
    /// - Returns: Nil if the queue was stopped, or is finished and empty.
    func take() -> Element? {
        condition.lock()
        defer { condition.unlock() }
        while elements.isEmpty, !isFinished, !hasStopped { condition.wait() }
        if hasStopped || elements.isEmpty { return nil }
        defer { condition.broadcast() }
        return elements.removeFirst()
    }

    /// Marks the end of the elements; those already queued can still be taken.
    func finish() {
        condition.lock()
        defer { condition.unlock() }
        isFinished = true
        condition.broadcast()
    }

    /// Wakes both threads and drops the queued elements.
    func stop() {
        condition.lock()
        defer { condition.unlock() }
        hasStopped = true
        elements.removeAll()
        condition.broadcast()
    }
}

/// A primitive that threads block on and that can release them.
protocol Stoppable: AnyObject, Sendable {
    /// Wakes all blocked threads.
    func stop()
}
