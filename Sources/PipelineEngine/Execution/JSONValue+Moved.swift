import PipelineKit

extension JSONValue {
    /// The same value with some texts replaced, wherever they stand: paths of files that are somewhere else now.
    func replacing(_ texts: [String: String]) -> JSONValue {
        switch self {
        case .string(let text): .string(texts[text] ?? text)
        case .array(let values): .array(values.map { $0.replacing(texts) })
        case .object(let members): .object(members.mapValues { $0.replacing(texts) })
        case .null, .bool, .integer, .number: self
        }
    }
}
