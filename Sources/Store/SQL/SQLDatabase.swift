/// What the two databases write differently.
package enum SQLDialect: String, Sendable, Hashable {
    /// One file on one machine; a writing transaction has the whole database.
    case sqlite
    /// A server that several machines share; rows are locked one by one.
    case postgresql

    /// Behind a `SELECT`: locks its rows, and leaves out those that another transaction has locked.
    package var skippingLocked: String { self == .postgresql ? "FOR UPDATE SKIP LOCKED" : "" }

    /// Behind a `SELECT`: its rows are this transaction's until it ends.
    var locking: String { self == .postgresql ? "FOR UPDATE" : "" }

    /// Behind a `SELECT`: keeps others from changing its rows until the transaction ends.
    var sharing: String { self == .postgresql ? "FOR SHARE" : "" }

    /// Whether `text` holds `part`, both as expressions.
    func holds(_ text: String, _ part: String) -> String {
        self == .postgresql ? "strpos(\(text), \(part)) > 0" : "instr(\(text), \(part)) > 0"
    }
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
    /// The same as an expression with its arguments, for statements that need nothing else.
    var nowExpression: (sql: String, arguments: [any SQLConvertible]) { get }
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
    @discardableResult
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value
    /// Lets go of what was erased from `tables`: older pages and versions of rows.
    func scrub(_ tables: [String]) async throws
    /// What is told on `channel`; nil where nobody can be told and polling is all there is.
    func notices(on channel: String) -> AsyncStream<SQLNotice>?
}

/// What a listener hears.
package enum SQLNotice: Sendable, Hashable {
    /// Notices arrive from now on: what came before is found by looking.
    case listening
    /// Somebody told the channel.
    case told
    /// Notices do not arrive: the server is away, or something in between keeps them.
    case deaf
}
