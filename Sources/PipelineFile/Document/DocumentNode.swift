package import PipelineKit

/// A node of a parsed document with its source location.
package indirect enum DocumentNode: Sendable {
    /// A text, number, truth value or null.
    case scalar(JSONValue, SourcePosition)
    case list([DocumentNode], SourcePosition)
    /// An object; its members keep the order of the file.
    case mapping([Member], SourcePosition)

    /// A key-value pair of an object.
    package struct Member: Sendable {
        package var key: String
        package var keyLocation: SourcePosition
        package var value: DocumentNode
    }

    /// The start of the node.
    package var location: SourcePosition {
        switch self {
        case .scalar(_, let location), .list(_, let location), .mapping(_, let location): location
        }
    }

    /// The value without locations. The last of equal keys wins.
    package var json: JSONValue {
        switch self {
        case .scalar(let value, _): value
        case .list(let elements, _): .array(elements.map(\.json))
        case .mapping(let members, _):
            .object(Dictionary(members.map { ($0.key, $0.value.json) }, uniquingKeysWith: { $1 }))
        }
    }

    /// The members of an object; nil for other nodes.
    package var members: [Member]? {
        guard case .mapping(let members, _) = self else { return nil }
        return members
    }

    /// The first member with that key; nil if there is none or this is not an object.
    package func member(_ key: String) -> Member? { members?.first { $0.key == key } }

    /// The text of the member with that key; nil if there is none or it is not text.
    package func text(_ key: String) -> String? { member(key)?.value.json.stringValue }
}
