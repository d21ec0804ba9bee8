/// Runs a task for each element, at most `width` concurrently.
/// - Parameters:
///   - begin: Returns the operation for an element. Called in the order of the elements, whenever a task may start.
///   - end: Receives the results in order of completion, always before the next call of `begin`.
func runTasks<Element, Value: Sendable>(
    for elements: some Sequence<Element>, width: Int, begin: (Element) -> @Sendable () async -> Value,
    end: (Value) -> Void
) async {
    await withTaskGroup(of: Value.self) { group in
        var rest = elements.makeIterator()
        for _ in 0..<width {
            if let element = rest.next() { group.addTask(operation: begin(element)) }
        }
        while let value = await group.next() {
            end(value)
            if let element = rest.next() { group.addTask(operation: begin(element)) }
        }
    }
}
