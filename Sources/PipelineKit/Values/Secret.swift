/// Text that must not appear in output or logs: its description is redacted, and it is not `Codable`.
///
/// Call ``reveal()`` only at the point where the secret leaves for the service it belongs to.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String

    public init(_ value: String) { self.value = value }

    /// Returns the secret text.
    public func reveal() -> String { value }

    /// Always `‹redacted›`, so that interpolation can't leak the secret.
    public var description: String { "‹redacted›" }
    public var debugDescription: String { description }
    /// Has no children, so that `dump` and mirrors can't leak the secret.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
