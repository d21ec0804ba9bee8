package import Foundation

/// A value as both databases know it.
package enum SQLValue: Sendable, Hashable {
    /// Nothing.
    case null
    /// A whole number.
    case integer(Int64)
    /// A number.
    case real(Double)
    /// Text.
    case text(String)
    /// Bytes.
    case blob(Data)
}

/// A Swift type that has a form in a database.
package protocol SQLConvertible: Sendable {
    /// As a value of the database.
    var sql: SQLValue { get }
    /// From a value of the database; nil when it is of another kind.
    init?(sql: SQLValue)
}

extension SQLValue: SQLConvertible {
    package var sql: SQLValue { self }
    package init?(sql: SQLValue) { self = sql }
}

extension Int64: SQLConvertible {
    package var sql: SQLValue { .integer(self) }
    package init?(sql: SQLValue) {
        guard case .integer(let number) = sql else { return nil }
        self = number
    }
}

extension Int: SQLConvertible {
    package var sql: SQLValue { .integer(Int64(self)) }
    package init?(sql: SQLValue) {
        guard case .integer(let number) = sql else { return nil }
        self.init(exactly: number)
    }
}

extension Bool: SQLConvertible {
    package var sql: SQLValue { .integer(self ? 1 : 0) }
    package init?(sql: SQLValue) {
        guard case .integer(let number) = sql else { return nil }
        self = number != 0
    }
}

extension Double: SQLConvertible {
    package var sql: SQLValue { .real(self) }
    package init?(sql: SQLValue) {
        switch sql {
        case .real(let number): self = number
        case .integer(let number): self = Double(number)
        case .null, .text, .blob: return nil
        }
    }
}

extension String: SQLConvertible {
    package var sql: SQLValue { .text(self) }
    package init?(sql: SQLValue) {
        guard case .text(let text) = sql else { return nil }
        self = text
    }
}

extension Data: SQLConvertible {
    package var sql: SQLValue { .blob(self) }
    package init?(sql: SQLValue) {
        guard case .blob(let data) = sql else { return nil }
        self = data
    }
}

/// Moments are seconds since 1970.
extension Date: SQLConvertible {
    package var sql: SQLValue { .real(timeIntervalSince1970) }
    package init?(sql: SQLValue) {
        guard let seconds = Double(sql: sql) else { return nil }
        self.init(timeIntervalSince1970: seconds)
    }
}

extension Optional: SQLConvertible where Wrapped: SQLConvertible {
    package var sql: SQLValue { self?.sql ?? .null }
    package init?(sql: SQLValue) {
        if sql == .null {
            self = Self.none
        } else {
            guard let value = Wrapped(sql: sql) else { return nil }
            self = value
        }
    }
}

/// One row of a result.
package struct SQLRow: Sendable, Hashable {
    /// The values by column, names in lower case: PostgreSQL folds them.
    package var values: [String: SQLValue]

    /// A row.
    package init(_ values: [String: SQLValue]) {
        self.values = Dictionary(values.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: { $1 })
    }

    /// The value of a column.
    /// - Throws: `StoreError` when there is no such column, or it holds something else.
    package func get<Value: SQLConvertible>(_ column: String, as type: Value.Type = Value.self) throws -> Value {
        guard let value = values[column.lowercased()] else {
            throw StoreError(.failed, "a result has no column \"\(column)\"")
        }
        guard let result = Value(sql: value) else {
            throw StoreError(.failed, "the column \"\(column)\" holds something else than was expected")
        }
        return result
    }
}
