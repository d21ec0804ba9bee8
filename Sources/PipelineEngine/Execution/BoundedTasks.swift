/// Runs a task for each element, at most `width` at once.
/// - Parameters:
///   - begin: Gives an element's work. Called in the order of the elements, each time there is room for one more.
///   - end: Gets what a task gave, in the order in which they end; before `begin` is called again.
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
