import CPostgres
import CPostgresLoader
import Foundation
import PipelineKit

/// A connection to a PostgreSQL server. Owns the `PGconn`.
///
/// libpq calls block, so they run on the connection's own queue.
final class PostgresConnection: @unchecked Sendable {
    // Unchecked, because a PGconn may be used by one thread at a time: all access to this one is on `queue`.
    private let handle: OpaquePointer
    private let queue = DispatchQueue(label: "postgres")
    private let time: PostgresDatabase.Time
    /// Whether the server accepted the first statement of the last `run`.
    private var isBegun = false

    /// Opens a connection on a background queue.
    /// - Throws: `StoreError` with the reason and a hint, never with the password.
    static func open(_ address: Secret, time: PostgresDatabase.Time) async throws -> PostgresConnection {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try PostgresConnection(address, time: time) })
            }
        }
    }

    private init(_ address: Secret, time: PostgresDatabase.Time) throws {
        self.time = time
        if let reason = spreader_postgres_load() {
            throw StoreError(
                .cannotOpen, "can't load the PostgreSQL library: \(String(cString: reason))",
                hint: "install it: apt-get install libpq5")
        }
        // Detect a dead server within seconds instead of hours.
        let parameters = [
            ("dbname", address.reveal()), ("application_name", "spreader-pipeline"), ("connect_timeout", "5"),
            ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "20000"), ("client_encoding", "UTF8"), ("target_session_attrs", "read-write"),
        ]
        let names = parameters.map { strdup($0.0) }
        let values = parameters.map { strdup($0.1) }
        defer { (names + values).forEach { free($0) } }
        let keys = names.map { UnsafePointer<CChar>($0) } + [nil]
        let texts = values.map { UnsafePointer<CChar>($0) } + [nil]
        guard let handle = PQconnectdbParams(keys, texts, 1) else {
            throw StoreError(.cannotOpen, "out of memory while connecting to PostgreSQL")
        }
        guard PQstatus(handle) == CONNECTION_OK else {
            let reason = Self.line(String(cString: PQerrorMessage(handle)))
            PQfinish(handle)
            throw Self.connectionFailure(reason)
        }
        self.handle = handle
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
    }

    /// The error for libpq's `reason`; never contains the password.
    private static func connectionFailure(_ reason: String) -> StoreError {
        if reason.contains("could not translate host name") {
            return StoreError(
                .unavailable, "can't resolve the host name of the PostgreSQL server",
                hint: "check SPREADER_DB and the DNS settings")
        }
        // For an address that it can't parse, libpq's message quotes parts of it, which may include the password.
        guard reason.hasPrefix("connection to server") else {
            return StoreError(
                .cannotOpen, "the PostgreSQL address is not valid",
                hint: """
                    write it as postgres://USER@HOST:PORT/NAME, with % for special characters (%40 for @), and the \
                    password in PGPASSWORD
                    """)
        }
        return StoreError(
            .unavailable, "can't connect to PostgreSQL: \(reason)",
            hint: "check SPREADER_DB, and that the server is running and accepts connections from this machine")
    }

    deinit { PQfinish(handle) }

    var isAlive: Bool { PQstatus(handle) == CONNECTION_OK }

    func run<Value: Sendable>(_ body: @escaping @Sendable (PostgresConnection) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async {
                self.isBegun = false
                continuation.resume(with: Result { try body(self) })
            }
        }
    }

    /// Whether the last `run` completed its first statement.
    func hasBegun() async -> Bool {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.isBegun) }
        }
    }

    /// Runs `body` in a transaction, and rolls it back if `body` throws.
    func transaction<Value>(_ body: (any SQLConnection) throws -> Value) throws -> Value {
        try begin()
        let value: Value
        do {
            value = try body(self)
        } catch {
            _ = try? exec("ROLLBACK", [])
            throw error
        }
        _ = try exec("COMMIT", [])
        return value
    }

    /// Begins a transaction with timeouts, in case this process is suspended or another one holds a lock. Sends it as
    /// one message with `SET LOCAL`, which works through a transaction pooler.
    private func begin() throws {
        let result = PQexec(
            handle,
            """
            BEGIN; SET LOCAL idle_in_transaction_session_timeout = '10s'; SET LOCAL lock_timeout = '10s';
            SET LOCAL statement_timeout = '60s'
            """)
        guard let result else { throw Self.connectionLost }
        _ = try checked(PostgresResult(result), result)
    }

    /// Waits for notifications on the subscribed channels.
    /// - Returns: Their payloads; empty after the timeout.
    /// - Throws: `StoreError` when the connection is lost.
    func waitForNotices(milliseconds: Int32) throws -> [String] {
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        if descriptor.fd < 0 { throw Self.connectionLost }
        let pending = takeNotices()
        if !pending.isEmpty { return pending }
        _ = poll(&descriptor, 1, milliseconds)
        guard PQconsumeInput(handle) == 1, isAlive else { throw Self.connectionLost }
        return takeNotices()
    }

    private func takeNotices() -> [String] {
        var payloads: [String] = []
        while let notice = PQnotifies(handle) {
            payloads.append(String(cString: notice.pointee.extra))
            PQfreemem(notice)
        }
        return payloads
    }

    private static let connectionLost = StoreError(
        .unavailable, "the connection to PostgreSQL was lost", hint: "try again")

    /// Runs one statement with its arguments in text form.
    fileprivate func exec(_ sql: String, _ arguments: [SQLValue]) throws -> PostgresResult {
        let texts = arguments.map { value -> UnsafeMutablePointer<CChar>? in
            switch value {
            case .null: nil
            case .integer(let number): strdup(String(number))
            case .real(let number): strdup(String(number))
            case .text(let text): strdup(text)
            case .blob(let data): strdup("\\x" + data.lowercaseHex)
            }
        }
        defer { texts.forEach { free($0) } }
        let types = arguments.map { value -> Oid in
            switch value {
            case .null: 0
            case .integer: 20
            case .real: 701
            case .text: 25
            case .blob: 17
            }
        }
        guard
            let result = PQexecParams(
                handle, Self.numbered(sql), Int32(arguments.count), types, texts.map { UnsafePointer($0) }, nil, nil, 0)
        else { throw Self.connectionLost }
        return try checked(PostgresResult(result), result)
    }

    private func checked(_ owned: PostgresResult, _ result: OpaquePointer) throws -> PostgresResult {
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK:
            isBegun = true
            return owned
        default:
            // An error from the server has a SQLSTATE; without one the connection is broken. 67 is PG_DIAG_SQLSTATE.
            guard isAlive, let state = PQresultErrorField(result, 67) else { throw Self.connectionLost }
            throw PostgresFailure(
                state: String(cString: state),
                message: Self.line(String(cString: PQresultErrorMessage(result))))
        }
    }

    /// The statement with PostgreSQL's numbered placeholders: the first `?` becomes `$1`.
    static func numbered(_ sql: String) -> String {
        var text = ""
        var count = 0
        var isQuoted = false
        for character in sql {
            if character == "'" { isQuoted.toggle() }
            if character == "?", !isQuoted {
                count += 1
                text += "$\(count)"
            } else {
                text.append(character)
            }
        }
        return text
    }

    private static func line(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: "; ").trimmingCharacters(in: .whitespaces)
    }
}

/// An error reported by the server, with its SQLSTATE.
struct PostgresFailure: Error, CustomStringConvertible {
    var state: String
    var message: String

    /// Whether a retry of the transaction can succeed: serialisation failure, deadlock, or lock timeout.
    var isTransient: Bool { ["40001", "40P01", "55P03"].contains(state) }
    /// Whether the server is temporarily unavailable: it is shutting down, starting, read-only or out of resources, or
    /// it cancelled the statement or ended an idle session.
    var isShutdown: Bool {
        state.hasPrefix("57P") || state.hasPrefix("53") || ["25006", "25P03", "57014"].contains(state)
    }

    var description: String { "\(message) [\(state)]" }
}

extension PostgresConnection: SQLConnection {
    var dialect: SQLDialect { .postgresql }

    func query(_ sql: String, _ arguments: [any SQLConvertible]) throws -> [SQLRow] {
        try exec(sql, arguments.map(\.sql)).rows
    }

    func execute(_ sql: String, _ arguments: [any SQLConvertible]) throws -> Int {
        try exec(sql, arguments.map(\.sql)).changes
    }

    func now() throws -> Double {
        switch time {
        case .database: try query("SELECT \(nowExpression.sql) AS seconds").first?.get("seconds") ?? 0
        case .given(let clock): clock().timeIntervalSince1970
        }
    }

    var nowExpression: (sql: String, arguments: [any SQLConvertible]) {
        switch time {
        case .database: ("extract(epoch FROM clock_timestamp())::float8", [])
        case .given(let clock): ("?", [clock()])
        }
    }

    func lock(_ name: String) throws { _ = try query("SELECT pg_advisory_xact_lock(hashtext(?))", [name]) }

    func notify(_ channel: String) throws { _ = try query("SELECT pg_notify(?, '')", [channel]) }
}

/// The result of a statement. Owns its `PGresult`.
private final class PostgresResult {
    private let handle: OpaquePointer

    init(_ handle: OpaquePointer) { self.handle = handle }
    deinit { PQclear(handle) }

    /// The number of rows that the statement changed.
    var changes: Int { Int(String(cString: PQcmdTuples(handle))) ?? 0 }

    var rows: [SQLRow] {
        let columns = (0..<PQnfields(handle)).map {
            (name: String(cString: PQfname(handle, $0)), type: PQftype(handle, $0))
        }
        return (0..<PQntuples(handle)).map { row in
            var values: [String: SQLValue] = [:]
            for (index, column) in columns.enumerated() {
                values[column.name] = text(row: row, column: Int32(index)).map { Self.value($0, column.type) } ?? .null
            }
            return SQLRow(values)
        }
    }

    /// The text of a value; nil for `NULL`.
    private func text(row: Int32, column: Int32) -> String? {
        guard PQgetisnull(handle, row, column) == 0 else { return nil }
        return PQgetvalue(handle, row, column).map { String(cString: $0) }
    }

    private static func value(_ text: String, _ type: Oid) -> SQLValue {
        switch type {
        case 20, 21, 23, 26: return Int64(text).map(SQLValue.integer) ?? .text(text)
        case 700, 701, 1700: return Double(text).map(SQLValue.real) ?? .text(text)
        case 16: return .integer(text == "t" ? 1 : 0)
        case 17:
            // PostgreSQL's hex format, such as `\x0aff`.
            return Data(hex: text.dropFirst(2)).map(SQLValue.blob) ?? .text(text)
        default: return .text(text)
        }
    }
}
