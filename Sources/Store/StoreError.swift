package import PipelineKit

/// An error of the program's own records: database, vault, locks.
package struct StoreError: Error, Sendable, CustomStringConvertible {
    /// A stable name for what happened.
    package enum Code: String, Sendable {
        /// The database can't be opened or created.
        case cannotOpen = "store-cannot-open"
        /// The database belongs to a newer version of the program.
        case tooNew = "store-too-new"
        /// The database server can't be reached, or the connection was lost.
        case unavailable = "store-unavailable"
        /// A read or write failed.
        case failed = "store-failed"
        /// The vault key is missing or malformed.
        case badKey = "store-bad-key"
        /// A secret was sealed with another key, or changed on disk.
        case unreadable = "store-unreadable"
    }

    package var code: Code
    /// What happened, without a full stop.
    package var message: String
    /// What to do next, as an imperative.
    package var hint: String?

    package init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// The message, followed by the hint in parentheses.
    package var description: String { hint.map { "\(message) (\($0))" } ?? message }

    /// The error that a stage or command reports.
    package var asStageError: StageError {
        let code: StageError.Code =
            switch self.code {
            case .cannotOpen, .tooNew, .badKey, .unreadable: .configuration
            case .unavailable: .unavailable
            case .failed: .internalFault
            }
        return StageError(
            code, message, hint: hint, recovery: self.code == .unavailable ? .transient(after: nil) : .permanent)
    }

    /// Runs `body` and converts its errors to `StageError`; `what` describes the operation in the message.
    static func bridge<Value: Sendable>(
        _ what: String, _ body: () async throws -> Value
    ) async throws(StageError) -> Value {
        do {
            return try await body()
        } catch let error as StageError {
            throw error
        } catch let error as StoreError {
            throw error.asStageError
        } catch is CancellationError {
            throw .cancelled
        } catch {
            throw StoreError.wrapping(error, what).asStageError
        }
    }

    /// Wraps an error of a library, with the operation and a hint.
    static func wrapping(_ error: any Error, _ what: String) -> StoreError {
        StoreError(
            .failed, "\(what): \(error)", hint: "check that the disk is not full and that SPREADER_DB is writable")
    }
}
