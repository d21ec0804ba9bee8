/// The start of every chain: a file that the user named.
public struct SourceFile: Artifact, Hashable {
    public static let kind: ArtifactKind = "SourceFile"

    /// The file. The host computes its digest before the first stage runs.
    public var file: FileReference
    /// The path as the user wrote it. Use it in messages.
    public var displayPath: String

    public init(file: FileReference, displayPath: String) {
        self.file = file
        self.displayPath = displayPath
    }

    /// The file name without its extension, used as the base name of results.
    public var stem: String {
        let name = file.path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return String(name) }
        return String(name[..<dot])
    }

    public var files: [FileReference] { [file] }
    public var summary: [String: JSONValue] {
        ["path": .string(file.path), "bytes": .integer(file.bytes)]
    }
}
