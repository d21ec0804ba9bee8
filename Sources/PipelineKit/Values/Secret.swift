/// Text that must not be shown: its description is redacted and it has no Codable form.
///
/// Call ``reveal()`` only at the point where the secret leaves for the service it belongs to.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String

    /// Wraps a secret.
    public init(_ value: String) { self.value = value }

    /// The secret itself.
    public func reveal() -> String { value }

    /// Always `‹redacted›`.
    public var description: String { "‹redacted›" }
    /// Always `‹redacted›`.
    public var debugDescription: String { description }
    /// Shows nothing, so that `dump` and mirrors can't leak it.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
