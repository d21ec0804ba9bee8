/// The conditions of a `WHERE` clause with their arguments, in order.
struct SQLConditions {
    private var clauses: [String] = []
    private(set) var arguments: [any SQLConvertible] = []

    /// All conditions, joined by `AND`.
    var sql: String { clauses.isEmpty ? "1 = 1" : clauses.joined(separator: " AND ") }

    mutating func require(_ clause: String, _ arguments: [any SQLConvertible] = []) {
        clauses.append(clause)
        self.arguments += arguments
    }

    /// Requires that a column has one of some values.
    mutating func require(_ column: String, in values: some Collection<String>) {
        require("\(column) IN (\(values.placeholders))", Array(values))
    }

    /// Requires that a column has none of some values. Adds nothing if there are none.
    mutating func require(_ column: String, notIn values: some Collection<String>) {
        guard !values.isEmpty else { return }
        require("\(column) NOT IN (\(values.placeholders))", Array(values))
    }
}

extension Collection {
    /// One SQL placeholder for each element, separated by commas.
    var placeholders: String { map { _ in "?" }.joined(separator: ", ") }
}
