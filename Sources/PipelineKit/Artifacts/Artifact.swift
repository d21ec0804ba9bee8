/// What one stage hands to the next: a Codable value that names files by path and digest.
///
/// Artifacts are journaled, so that a run can go on after a crash, and are what a child-process stage reads and writes.
public protocol Artifact: Codable, Sendable {
    /// The name by which pipelines, plans and messages know this kind, such as `PreparedVideo`.
    static var kind: ArtifactKind { get }
    /// Files that must still exist, unchanged, for the artifact to be reused.
    var files: [FileReference] { get }
    /// What a person or a script wants to know of it, for events and tables. Never a secret.
    var summary: [String: JSONValue] { get }
}

extension Artifact {
    /// No files.
    public var files: [FileReference] { [] }
}

/// The name of a kind of artifact.
public struct ArtifactKind: RawRepresentable, Sendable, Hashable, Codable, ExpressibleByStringLiteral,
    CustomStringConvertible
{
    /// The name, in the form of a type's name.
    public let rawValue: String
    /// A kind from its name.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// A kind from its name.
    public init(stringLiteral value: String) { rawValue = value }
    /// The name.
    public var description: String { rawValue }
}

/// A file that an artifact names.
public struct FileReference: Sendable, Hashable, Codable {
    /// Absolute path.
    public var path: String
    /// Size in bytes.
    public var bytes: Int64
    /// SHA-256 of the content, lower-case hex; nil when nobody needed it yet.
    public var sha256: String?

    /// A reference.
    public init(path: String, bytes: Int64, sha256: String? = nil) {
        self.path = path
        self.bytes = bytes
        self.sha256 = sha256
    }
}
