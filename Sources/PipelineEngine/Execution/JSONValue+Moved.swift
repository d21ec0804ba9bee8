import PipelineKit

extension JSONValue {
    /// Replaces all texts that equal a key of `texts`, such as paths of files that have moved.
    func replacing(_ texts: [String: String]) -> JSONValue {
        switch self {
        case .string(let text): .string(texts[text] ?? text)
        case .array(let values): .array(values.map { $0.replacing(texts) })
        case .object(let members): .object(members.mapValues { $0.replacing(texts) })
        case .null, .bool, .integer, .number: self
        }
    }
}
