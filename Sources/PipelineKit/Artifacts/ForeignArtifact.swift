/// An artifact of a kind that only a plugin knows: an object of its own.
///
/// Its `files`, a list of ``FileReference``, are files that it names; its `summary` is what events show of it.
public struct ForeignArtifact: Artifact, Hashable {
    /// Stands for any kind.
    public static let kind: ArtifactKind = "ForeignArtifact"

    /// The object.
    public var value: JSONValue

    /// An artifact.
    public init(_ value: JSONValue) { self.value = value }

    /// Reads the object.
    /// - Throws: `DecodingError` when it is none, or when its `files` are no file references.
    public init(from decoder: any Decoder) throws {
        value = try JSONValue(from: decoder)
        guard case .object = value else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "an artifact is an object, not \(value.kind)"))
        }
        if let files = value["files"] { _ = try files.decode([FileReference].self) }
    }

    /// Writes the object.
    /// - Throws: `EncodingError` for a number that JSON can't hold.
    public func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }

    /// The files under `files`.
    public var files: [FileReference] { (try? value["files"]?.decode([FileReference].self)) ?? [] }

    /// The object under `summary`.
    public var summary: [String: JSONValue] {
        guard case .object(let members)? = value["summary"] else { return [:] }
        return members
    }

    /// An artifact of `kind` from what a plugin gave: one of the kit's own kinds, or a foreign one.
    /// - Throws: `DecodingError` when it has not the kind's form.
    package static func decode(_ value: JSONValue, kind: ArtifactKind) throws -> any Artifact {
        switch kind {
        case SourceFile.kind: try value.decode(SourceFile.self)
        case ProbedMedia.kind: try value.decode(ProbedMedia.self)
        case PreparedVideo.kind: try value.decode(PreparedVideo.self)
        case ChunkedVideo.kind: try value.decode(ChunkedVideo.self)
        case UploadedVideo.kind: try value.decode(UploadedVideo.self)
        case PublishedPost.kind: try value.decode(PublishedPost.self)
        default: try value.decode(ForeignArtifact.self)
        }
    }
}
