/// The SQL syntax of the two databases where it differs.
package enum SQLDialect: String, Sendable, Hashable {
    /// One file on one machine; a write transaction locks the whole database.
    case sqlite
    /// A server shared by several machines; transactions lock single rows.
    case postgresql

    /// Suffix of a `SELECT`: locks its rows and skips those that another transaction has locked.
    package var skippingLocked: String { self == .postgresql ? "FOR UPDATE SKIP LOCKED" : "" }

    /// Suffix of a `SELECT`: locks its rows until the transaction ends.
    var locking: String { self == .postgresql ? "FOR UPDATE" : "" }

    /// Suffix of a `SELECT`: prevents other transactions from changing its rows until this one ends.
    var sharing: String { self == .postgresql ? "FOR SHARE" : "" }

    /// A condition that the expression `text` contains the expression `part`.
    func condition(_ text: String, contains part: String) -> String {
        self == .postgresql ? "strpos(\(text), \(part)) > 0" : "instr(\(text), \(part)) > 0"
    }
}

/// One transaction's view of a database. Statements use `?` as placeholder in both dialects.
package protocol SQLConnection {
    var dialect: SQLDialect { get }
    /// Returns the rows of a query or of a `RETURNING` clause.
    func query(_ sql: String, _ arguments: [any SQLConvertible]) throws -> [SQLRow]
    /// - Returns: The number of rows changed.
    @discardableResult
    func execute(_ sql: String, _ arguments: [any SQLConvertible]) throws -> Int
    /// The database's time in seconds since 1970; the clocks of the machines may disagree.
    func now() throws -> Double
    /// The database's time as an expression and its arguments, to save a round trip.
    var nowExpression: (sql: String, arguments: [any SQLConvertible]) { get }
    /// Waits for other transactions that hold the lock `name`, and holds it until this one ends.
    func lock(_ name: String) throws
    /// Notifies the listeners on `channel` when the transaction commits.
    func notify(_ channel: String) throws
}

extension SQLConnection {
    package func query(_ sql: String) throws -> [SQLRow] { try query(sql, []) }
    @discardableResult
    package func execute(_ sql: String) throws -> Int { try execute(sql, []) }
}

/// A database that runs transactions off the cooperative pool.
package protocol SQLDatabase: Sendable {
    var dialect: SQLDialect { get }
    /// Runs `body` in a read-only transaction.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value
    /// Runs `body` in a transaction, which is on disk when the call returns.
    @discardableResult
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value
    /// Removes the remains of erased rows of `tables` from disk: the WAL of SQLite, dead row versions of PostgreSQL.
    func scrub(_ tables: [String]) async throws
    /// The notifications on `channel`; nil for databases without them, which need polling.
    func notices(on channel: String) -> AsyncStream<SQLNotice>?
}

/// An event for a listener on a channel.
package enum SQLNotice: Sendable, Hashable {
    /// The subscription is active. Query the database once for changes made before.
    case listening
    /// Another connection notified the channel.
    case notified
    /// Notifications don't arrive, because the server is unreachable or a pooler drops them. Poll instead.
    case interrupted
}
