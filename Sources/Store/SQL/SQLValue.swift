package import Foundation

/// A value that both databases can store.
package enum SQLValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob(Data)
}

/// A Swift type that can be stored in a column.
package protocol SQLConvertible: Sendable {
    /// The value to store.
    var sql: SQLValue { get }
    /// Returns nil when the stored value has another type.
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

/// Dates are stored as seconds since 1970.
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
    /// The values by column name. Names are in lower case, because PostgreSQL folds them.
    package var values: [String: SQLValue]

    package init(_ values: [String: SQLValue]) {
        self.values = Dictionary(values.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: { $1 })
    }

    /// The value of a column, matched without regard to case.
    /// - Throws: `StoreError` when the column is missing or has another type.
    package func get<Value: SQLConvertible>(_ column: String, as type: Value.Type = Value.self) throws -> Value {
        guard let value = values[column.lowercased()] else {
            throw StoreError(.failed, "the result has no column \"\(column)\"")
        }
        guard let result = Value(sql: value) else {
            throw StoreError(.failed, "the column \"\(column)\" has an unexpected type")
        }
        return result
    }
}
