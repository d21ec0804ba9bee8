package import PipelineKit

/// A node of a pipeline file with the place where it stands.
package indirect enum DocumentNode: Sendable {
    /// A value that has no parts.
    case scalar(JSONValue, SourceLocation)
    /// A list.
    case list([DocumentNode], SourceLocation)
    /// An object, in the order of the file.
    case mapping([Member], SourceLocation)

    /// A key with its value.
    package struct Member: Sendable {
        /// The key.
        package var key: String
        /// Where the key stands.
        package var keyLocation: SourceLocation
        /// Its value.
        package var value: DocumentNode
    }

    /// Where it stands.
    package var location: SourceLocation {
        switch self {
        case .scalar(_, let location), .list(_, let location), .mapping(_, let location): location
        }
    }

    /// The value without places.
    package var json: JSONValue {
        switch self {
        case .scalar(let value, _): value
        case .list(let elements, _): .array(elements.map(\.json))
        case .mapping(let members, _):
            .object(Dictionary(members.map { ($0.key, $0.value.json) }, uniquingKeysWith: { $1 }))
        }
    }

    /// The members when this is an object.
    package var members: [Member]? {
        guard case .mapping(let members, _) = self else { return nil }
        return members
    }

    /// The value under `key` when this is an object that has it.
    package func member(_ key: String) -> Member? { members?.first { $0.key == key } }
}
