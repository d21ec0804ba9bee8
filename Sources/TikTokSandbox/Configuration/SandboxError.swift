/// Why a sandbox could not start or go on.
package struct SandboxError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure; stable, fit for tests and metrics.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case storage, inUse, damagedJournal, portInUse, invalidFaults, internalFault
        }
        private let kind: Kind

        /// The data folder cannot be created, read or written.
        package static let storage = Code(kind: .storage)
        /// Another sandbox serves the same data folder.
        package static let inUse = Code(kind: .inUse)
        /// The journal of the data folder cannot be read back.
        package static let damagedJournal = Code(kind: .damagedJournal)
        /// The port that was asked for is taken.
        package static let portInUse = Code(kind: .portInUse)
        /// The faults file is not understood.
        package static let invalidFaults = Code(kind: .invalidFaults)
        /// A bug of the sandbox.
        package static let internalFault = Code(kind: .internalFault)

        /// The stable name of the code.
        package var description: String { kind.rawValue }
    }

    /// The kind of failure.
    package var code: Code
    /// What happened.
    package var message: String
    /// What to do about it.
    package var hint: String?
    /// JSON pointer to what a plan of faults says wrongly, such as `/settings/postsPerDay`.
    package var pointer: String?

    init(_ code: Code, _ message: String, hint: String? = nil, pointer: String? = nil) {
        self.pointer = pointer
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// The message, with the hint in brackets.
    package var description: String {
        hint.map { "\(message) (\($0))" } ?? message
    }
}
