import Foundation
import GRDB

/// SQLite as an `SQLDatabase`.
struct SQLiteDatabase: SQLDatabase {
    let writer: any DatabaseWriter
    /// The database's time: with one machine, its own clock.
    let clock: @Sendable () -> Date

    var dialect: SQLDialect { .sqlite }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value {
        try await writer.read { [clock] in try body(SQLiteConnection(database: $0, clock: clock)) }
    }

    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value {
        try await writer.write { [clock] in try body(SQLiteConnection(database: $0, clock: clock)) }
    }

    func scrub(_ tables: [String]) async throws {
        _ = try await writer.writeWithoutTransaction { try $0.checkpoint(.truncate) }
    }

    func notices(on channel: String) -> AsyncStream<SQLNotice>? { nil }
}

private struct SQLiteConnection: SQLConnection {
    let database: Database
    let clock: @Sendable () -> Date

    var dialect: SQLDialect { .sqlite }

    func query(_ sql: String, _ arguments: [any SQLConvertible]) throws -> [SQLRow] {
        let statement = try database.cachedStatement(sql: sql)
        return try Row.fetchAll(statement, arguments: Self.arguments(arguments)).map { row in
            SQLRow(Dictionary(row.map { ($0, Self.value($1)) }, uniquingKeysWith: { $1 }))
        }
    }

    func execute(_ sql: String, _ arguments: [any SQLConvertible]) throws -> Int {
        try database.execute(sql: sql, arguments: Self.arguments(arguments))
        return database.changesCount
    }

    func now() throws -> Double { clock().timeIntervalSince1970 }

    var nowExpression: (sql: String, arguments: [any SQLConvertible]) { ("?", [clock()]) }

    // A write transaction already excludes all others.
    func lock(_ name: String) throws {}

    func notify(_ channel: String) throws {}

    private static func arguments(_ values: [any SQLConvertible]) -> StatementArguments {
        StatementArguments(
            values.map { value -> (any DatabaseValueConvertible)? in
                switch value.sql {
                case .null: nil
                case .integer(let number): number
                case .real(let number): number
                case .text(let text): text
                case .blob(let data): data
                }
            })
    }

    private static func value(_ value: DatabaseValue) -> SQLValue {
        switch value.storage {
        case .null: .null
        case .int64(let number): .integer(number)
        case .double(let number): .real(number)
        case .string(let text): .text(text)
        case .blob(let data): .blob(data)
        }
    }
}
