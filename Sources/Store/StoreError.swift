package import PipelineKit

/// What went wrong with the program's own records.
package struct StoreError: Error, Sendable, CustomStringConvertible {
    /// A stable name for what happened.
    package enum Code: String, Sendable {
        /// The database can't be opened or created.
        case cannotOpen = "store-cannot-open"
        /// The database belongs to a newer version of the program.
        case tooNew = "store-too-new"
        /// The database server can't be reached, or went away in the middle.
        case unavailable = "store-unavailable"
        /// A read or write failed.
        case failed = "store-failed"
        /// The vault's key is missing or of the wrong form.
        case badKey = "store-bad-key"
        /// Something was sealed with another key, or was changed on disk.
        case unreadable = "store-unreadable"
    }

    /// What happened.
    package var code: Code
    /// In words.
    package var message: String
    /// What to do next.
    package var hint: String?

    /// An error.
    package init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// `message (hint)`.
    package var description: String { hint.map { "\(message) (\($0))" } ?? message }

    /// The same, as a stage's host reports it.
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

    /// Runs `body` and reports whatever it throws as a `StageError`.
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

    /// A library's error in words that a person can act on.
    static func wrapping(_ error: any Error, _ what: String) -> StoreError {
        StoreError(
            .failed, "\(what): \(error)", hint: "check that the disk is not full and that SPREADER_DB can be written")
    }
}
