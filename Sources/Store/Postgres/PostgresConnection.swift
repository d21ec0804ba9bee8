import CPostgres
import CPostgresLoader
import Foundation
import PipelineKit

/// One connection to a PostgreSQL server. Owns its `PGconn`, which is closed with it.
///
/// Calls block: they are made on the connection's own queue.
final class PostgresConnection: @unchecked Sendable {
    // Unchecked: a PGconn may be used by one thread at a time, and all use of this one is on `queue`.
    private let handle: OpaquePointer
    private let queue = DispatchQueue(label: "postgres")
    private let time: PostgresDatabase.Time
    /// Whether the server took the first statement of what ran last.
    private var isBegun = false

    /// Connects.
    /// - Throws: `StoreError` that says where to and why not, without a password.
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
                .cannotOpen, "PostgreSQL's library can't be loaded: \(String(cString: reason))",
                hint: "install it: apt-get install libpq5")
        }
        // A server that is gone without a word is noticed within seconds, not hours.
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
            throw StoreError(.cannotOpen, "there is no memory for a connection to PostgreSQL")
        }
        guard PQstatus(handle) == CONNECTION_OK else {
            let words = Self.line(String(cString: PQerrorMessage(handle)))
            PQfinish(handle)
            if words.contains("could not translate host name") {
                throw StoreError(
                    .unavailable, "the name of PostgreSQL's host can't be resolved",
                    hint: "check SPREADER_DB and the network's name service")
            }
            // Of an address that it can't read, libpq shows pieces, and one of them may be the password.
            guard words.hasPrefix("connection to server") else {
                throw StoreError(
                    .cannotOpen, "the address of PostgreSQL can't be used",
                    hint:
                        "write it as postgres://USER@HOST:PORT/NAME, with % for special characters (%40 for @), and the password in PGPASSWORD"
                )
            }
            let reason = words
            throw StoreError(
                .unavailable, "can't connect to PostgreSQL: \(reason)",
                hint: "check SPREADER_DB, and that the server runs and lets this machine in")
        }
        self.handle = handle
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
    }

    deinit { PQfinish(handle) }

    /// Whether the connection is of use.
    var isAlive: Bool { PQstatus(handle) == CONNECTION_OK }

    /// Runs `body` on the connection's queue.
    func run<Value: Sendable>(_ body: @escaping @Sendable (PostgresConnection) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async {
                self.isBegun = false
                continuation.resume(with: Result { try body(self) })
            }
        }
    }

    /// Whether what ran last got as far as its first statement.
    func hasBegun() async -> Bool {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.isBegun) }
        }
    }

    /// Runs `body` as a transaction.
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

    /// Begins a transaction that ends by itself when this process is frozen in it, and does not wait for ever for one of
    /// another. In one message, and for the transaction alone, as a pooler in between wants it.
    private func begin() throws {
        let result = PQexec(
            handle,
            """
            BEGIN; SET LOCAL idle_in_transaction_session_timeout = '10s'; SET LOCAL lock_timeout = '10s';
            SET LOCAL statement_timeout = '60s'
            """)
        guard let result else { throw Self.gone }
        _ = try checked(PostgresResult(result), result)
    }

    /// Waits for notices on any channel that is listened to.
    /// - Returns: What they say; nothing when the time is up.
    /// - Throws: `StoreError` when the connection is gone.
    func waitForNotices(milliseconds: Int32) throws -> [String] {
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        if descriptor.fd < 0 { throw Self.gone }
        let waiting = takeNotices()
        if !waiting.isEmpty { return waiting }
        _ = poll(&descriptor, 1, milliseconds)
        guard PQconsumeInput(handle) == 1, isAlive else { throw Self.gone }
        return takeNotices()
    }

    private func takeNotices() -> [String] {
        var told: [String] = []
        while let notice = PQnotifies(handle) {
            told.append(String(cString: notice.pointee.extra))
            PQfreemem(notice)
        }
        return told
    }

    private static let gone = StoreError(.unavailable, "the connection to PostgreSQL is gone", hint: "try again")

    /// Sends one statement and reads its result.
    fileprivate func exec(_ sql: String, _ arguments: [SQLValue]) throws -> PostgresResult {
        let texts = arguments.map { value -> UnsafeMutablePointer<CChar>? in
            switch value {
            case .null: nil
            case .integer(let number): strdup(String(number))
            case .real(let number): strdup(String(number))
            case .text(let text): strdup(text)
            case .blob(let data): strdup("\\x" + data.map { String(format: "%02x", $0) }.joined())
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
        else { throw Self.gone }
        return try checked(PostgresResult(result), result)
    }

    private func checked(_ owned: PostgresResult, _ result: OpaquePointer) throws -> PostgresResult {
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK:
            isBegun = true
            return owned
        default:
            // What the server refuses has a SQLSTATE; without one the connection broke.
            guard isAlive, let state = PQresultErrorField(result, 67) else { throw Self.gone }
            throw PostgresFailure(
                state: String(cString: state),
                message: Self.line(String(cString: PQresultErrorMessage(result))))
        }
    }

    /// PostgreSQL numbers its arguments: `$1` for the first `?`.
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

/// What the server refused: SQLSTATE and its words.
struct PostgresFailure: Error, CustomStringConvertible {
    var state: String
    var message: String

    /// Whether the transaction only has to be run again: serialisation failure, deadlock, a lock that was not had in time.
    var isTransient: Bool { ["40001", "40P01", "55P03"].contains(state) }
    /// Whether the server stops, is starting, has become another one's copy, has no room, or has ended a session that
    /// was silent for too long.
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
        case .database: try query("SELECT \(nowExpression.sql) AS moment").first?.get("moment") ?? 0
        case .given(let clock): clock().timeIntervalSince1970
        }
    }

    var nowExpression: (sql: String, arguments: [any SQLConvertible]) {
        switch time {
        case .database: ("extract(epoch FROM clock_timestamp())::float8", [])
        case .given(let clock): ("?", [clock()])
        }
    }

    func exclude(_ name: String) throws { _ = try query("SELECT pg_advisory_xact_lock(hashtext(?))", [name]) }

    // An identifier can't be an argument; the channels are our own.
    func notify(_ channel: String) throws { _ = try query("SELECT pg_notify(?, '')", [channel]) }
}

/// A result. Owns its `PGresult`.
private final class PostgresResult {
    private let handle: OpaquePointer

    init(_ handle: OpaquePointer) { self.handle = handle }
    deinit { PQclear(handle) }

    /// How many rows a statement changed.
    var changes: Int { Int(String(cString: PQcmdTuples(handle))) ?? 0 }

    /// The rows.
    var rows: [SQLRow] {
        let columns = (0..<PQnfields(handle)).map { (String(cString: PQfname(handle, $0)), PQftype(handle, $0)) }
        return (0..<PQntuples(handle)).map { row in
            var values: [String: SQLValue] = [:]
            for (index, column) in columns.enumerated() {
                values[column.0] = value(row, Int32(index), column.1)
            }
            return SQLRow(values)
        }
    }

    private func value(_ row: Int32, _ column: Int32, _ type: Oid) -> SQLValue {
        guard PQgetisnull(handle, row, column) == 0, let bytes = PQgetvalue(handle, row, column) else { return .null }
        let text = String(cString: bytes)
        switch type {
        case 20, 21, 23, 26: return Int64(text).map(SQLValue.integer) ?? .text(text)
        case 700, 701, 1700: return Double(text).map(SQLValue.real) ?? .text(text)
        case 16: return .integer(text == "t" ? 1 : 0)
        case 17: return .blob(Self.bytes(text))
        default: return .text(text)
        }
    }

    /// Bytes from PostgreSQL's `\x0aff`.
    private static func bytes(_ text: String) -> Data {
        var data = Data()
        var digits = text.utf8.dropFirst(2).makeIterator()
        while let high = digits.next().flatMap(nibble), let low = digits.next().flatMap(nibble) {
            data.append(high << 4 | low)
        }
        return data
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 48...57: digit - 48
        case 97...102: digit - 87
        default: nil
        }
    }
}
