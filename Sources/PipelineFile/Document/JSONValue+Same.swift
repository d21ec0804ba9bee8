package import PipelineKit

extension JSONValue {
    /// Semantic equality: an integer equals the same number with a zero fraction, as JSON does not distinguish the two.
    package func isSame(as other: JSONValue) -> Bool {
        if let left = doubleValue, let right = other.doubleValue { return abs(left - right) < 1e-9 }
        switch (self, other) {
        case (.array(let left), .array(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { $0.isSame(as: $1) }
        case (.object(let left), .object(let right)):
            return left.count == right.count
                && left.allSatisfy { key, value in right[key].map { value.isSame(as: $0) } ?? false }
        default: return self == other
        }
    }
}
