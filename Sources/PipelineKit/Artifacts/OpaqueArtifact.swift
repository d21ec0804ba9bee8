/// An artifact of a kind that only a plugin defines, kept as the JSON object that the plugin sent.
///
/// `files` in the object, a list of ``FileReference``, names its files; `summary` is what events show.
public struct OpaqueArtifact: Artifact, Hashable {
    /// A placeholder: the actual kind is the one that the plugin's manifest declares.
    public static let kind: ArtifactKind = "OpaqueArtifact"

    /// The JSON object as the plugin sent it.
    public var value: JSONValue

    public init(_ value: JSONValue) { self.value = value }

    /// Reads any JSON object.
    /// - Throws: `DecodingError` when the value is not an object, or `files` is not a list of file references.
    public init(from decoder: any Decoder) throws {
        value = try JSONValue(from: decoder)
        guard case .object = value else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "an artifact is an object, not \(value.kind)"))
        }
        if let files = value["files"] { _ = try files.decode([FileReference].self) }
    }

    /// Writes the object unchanged.
    /// - Throws: `EncodingError` for a number that JSON can't represent.
    public func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }

    /// The file references under `files`; empty when there are none.
    public var files: [FileReference] { (try? value["files"]?.decode([FileReference].self)) ?? [] }

    /// The object under `summary`; empty when there is none.
    public var summary: [String: JSONValue] {
        guard case .object(let members)? = value["summary"] else { return [:] }
        return members
    }

    /// Decodes a plugin's output as one of the kit's own kinds, or as a ``OpaqueArtifact`` for any other kind.
    /// - Throws: `DecodingError` when the value doesn't match the kind.
    package static func decode(_ value: JSONValue, kind: ArtifactKind) throws -> any Artifact {
        switch kind {
        case SourceFile.kind: try value.decode(SourceFile.self)
        case ProbedMedia.kind: try value.decode(ProbedMedia.self)
        case PreparedVideo.kind: try value.decode(PreparedVideo.self)
        case ChunkedVideo.kind: try value.decode(ChunkedVideo.self)
        case UploadedVideo.kind: try value.decode(UploadedVideo.self)
        case PublishedPost.kind: try value.decode(PublishedPost.self)
        default: try value.decode(OpaqueArtifact.self)
        }
    }
}
