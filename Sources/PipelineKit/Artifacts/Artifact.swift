/// The output of one stage and the input of the next: a Codable value that names files by path and digest.
///
/// Conform a type when your stage produces something that the kit's own kinds can't describe. Artifacts are written to
/// the journal, so that a run can resume after a crash, and are what a stage in a child process reads and writes.
public protocol Artifact: Codable, Sendable {
    /// The name of this kind in pipelines, plans and wire messages, such as `PreparedVideo`. Keep it stable.
    static var kind: ArtifactKind { get }
    /// Files that must still exist, unchanged, for the artifact to be reused. None by default.
    var files: [FileReference] { get }
    /// Values to show in events and tables. Never put a secret in it.
    var summary: [String: JSONValue] { get }
}

extension Artifact {
    public var files: [FileReference] { [] }
}

/// The name of a kind of artifact, written like a Swift type name.
public struct ArtifactKind: RawRepresentable, Sendable, Hashable, Codable, ExpressibleByStringLiteral,
    CustomStringConvertible
{
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }
    public var description: String { rawValue }
}

/// A file that belongs to an artifact.
public struct FileReference: Sendable, Hashable, Codable {
    /// The absolute path of the file.
    public var path: String
    /// The size in bytes.
    public var bytes: Int64
    /// SHA-256 of the content as lower-case hex; nil until something needs the digest.
    public var sha256: String?

    public init(path: String, bytes: Int64, sha256: String? = nil) {
        self.path = path
        self.bytes = bytes
        self.sha256 = sha256
    }
}
