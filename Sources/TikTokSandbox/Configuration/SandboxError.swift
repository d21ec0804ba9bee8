/// A failure to start or run the sandbox, or an invalid fault plan.
package struct SandboxError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure. Stable, so that tests and metrics can rely on it.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case storage, inUse, damagedJournal, portInUse, invalidFaults, internalFault
        }
        private let kind: Kind

        /// The data folder or a file in it cannot be created, read or written.
        package static let storage = Code(kind: .storage)
        /// Another sandbox holds the lock of the data folder.
        package static let inUse = Code(kind: .inUse)
        /// A line of the journal cannot be decoded.
        package static let damagedJournal = Code(kind: .damagedJournal)
        /// The server cannot listen on the port: it is taken, or needs privileges.
        package static let portInUse = Code(kind: .portInUse)
        /// The fault plan is unreadable or invalid.
        package static let invalidFaults = Code(kind: .invalidFaults)
        /// A bug in the sandbox.
        package static let internalFault = Code(kind: .internalFault)

        package var description: String { kind.rawValue }
    }

    package var code: Code
    package var message: String
    /// The next step for the user.
    package var hint: String?
    /// JSON pointer to the invalid value in a fault plan, such as `/settings/postsPerDay`.
    package var pointer: String?

    init(_ code: Code, _ message: String, hint: String? = nil, pointer: String? = nil) {
        self.pointer = pointer
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// The message, with the hint in parentheses.
    package var description: String {
        hint.map { "\(message) (\($0))" } ?? message
    }
}
