/// What the two databases write differently.
package enum SQLDialect: String, Sendable, Hashable {
    /// One file on one machine; a writing transaction has the whole database.
    case sqlite
    /// A server that several machines share; rows are locked one by one.
    case postgresql

    /// Behind a `SELECT`: locks its rows, and leaves out those that another transaction has locked.
    package var skippingLocked: String { self == .postgresql ? "FOR UPDATE SKIP LOCKED" : "" }
}

/// One transaction's view of a database. Statements have `?` for each argument, in both dialects.
package protocol SQLConnection {
    /// How it writes.
    var dialect: SQLDialect { get }
    /// The rows of a query, or what `RETURNING` gives.
    func query(_ sql: String, _ arguments: [any SQLConvertible]) throws -> [SQLRow]
    /// Runs a statement.
    /// - Returns: How many rows it changed.
    @discardableResult
    func execute(_ sql: String, _ arguments: [any SQLConvertible]) throws -> Int
    /// The database's own time: hosts may disagree about theirs.
    func now() throws -> Double
    /// Keeps other transactions with the same name out until this one ends.
    func exclude(_ name: String) throws
    /// Tells whoever listens on `channel`, once the transaction is committed.
    func notify(_ channel: String) throws
}

extension SQLConnection {
    /// The rows of a query.
    package func query(_ sql: String) throws -> [SQLRow] { try query(sql, []) }
    /// Runs a statement.
    @discardableResult
    package func execute(_ sql: String) throws -> Int { try execute(sql, []) }
}

/// A database that transactions run on, off the cooperative pool.
package protocol SQLDatabase: Sendable {
    /// How it writes.
    var dialect: SQLDialect { get }
    /// Runs `body` in a transaction that only reads.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value
    /// Runs `body` in one transaction; on disk when it returns.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value
    /// Yields whenever somebody told `channel`, and at once; nil where nobody can be told and polling is all there is.
    func notices(on channel: String) -> AsyncStream<Void>?
}
