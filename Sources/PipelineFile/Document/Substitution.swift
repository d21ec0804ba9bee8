import Foundation
package import PipelineKit

/// Fills `${NAME}` and `${NAME:-default}` in the text of a pipeline file from the environment.
package struct Substitution: Sendable {
    private let value: @Sendable (String) -> String?
    private let isReserved: @Sendable (String) -> Bool

    /// Substitution with values from `value`.
    /// - Parameter isReserved: Whether a name is a secret of the program, which no pipeline may hold.
    package init(
        value: @escaping @Sendable (String) -> String?,
        isReserved: @escaping @Sendable (String) -> Bool = { _ in false }
    ) {
        self.value = value
        self.isReserved = isReserved
    }

    /// The node with every text filled in, and an error at the place of each name that has no value.
    /// `$${` stands for `${` itself.
    package func apply(to node: DocumentNode) -> (node: DocumentNode, findings: [Diagnostic]) {
        var findings: [Diagnostic] = []
        return (apply(node, &findings), findings)
    }

    private func apply(_ node: DocumentNode, _ findings: inout [Diagnostic]) -> DocumentNode {
        switch node {
        case .scalar(.string(let text), let location) where text.contains("${"):
            return .scalar(.string(fill(text, at: location, &findings)), location)
        case .scalar: return node
        case .list(let elements, let location): return .list(elements.map { apply($0, &findings) }, location)
        case .mapping(let members, let location):
            return .mapping(
                members.map { member in
                    var member = member
                    member.value = apply(member.value, &findings)
                    return member
                }, location)
        }
    }

    /// More of the same helps nobody, and aliases can multiply one mistake by thousands.
    private static let mostFindings = 100

    private func fill(_ text: String, at location: SourceLocation, _ findings: inout [Diagnostic]) -> String {
        guard findings.count < Self.mostFindings else { return text }
        var result = ""
        var rest = Substring(text)
        while let start = rest.range(of: "${") {
            if rest[..<start.lowerBound].hasSuffix("$") {
                result += rest[..<start.lowerBound].dropLast() + "${"
                rest = rest[start.upperBound...]
                continue
            }
            result += rest[..<start.lowerBound]
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
                findings.append(
                    Diagnostic(
                        code: "bad-substitution", "\"${\" without a closing \"}\"",
                        hint: "write $${ for the characters themselves", location: location))
                return result + rest[start.lowerBound...]
            }
            let body = String(rest[start.upperBound..<end])
            let parts = body.split(separator: ":-", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = parts.first ?? ""
            if !Self.isName(name) {
                findings.append(
                    Diagnostic(
                        code: "bad-substitution", "\"\(name)\" is not a name of an environment variable",
                        hint: "write ${NAME} or ${NAME:-default}; $${ for the characters themselves", location: location
                    ))
            } else if isReserved(name) {
                findings.append(
                    Diagnostic(
                        code: "reserved-environment", "\(name) is a secret of this program, which no pipeline may hold",
                        hint: "stages that need the account get it by themselves", location: location))
            } else if parts.count == 2, parts[1].contains("${") {
                findings.append(
                    Diagnostic(
                        code: "bad-substitution", "the default of ${\(name)} holds another \"${\"",
                        hint: "a default is taken as it is written: write the value itself", location: location))
            } else if let found = value(name), !found.isEmpty {
                result += found
            } else if parts.count == 2 {
                result += parts[1]
            } else {
                findings.append(
                    Diagnostic(
                        code: "missing-environment", "the environment has no value for \(name)",
                        hint: "set it, or give a default: ${\(name):-default}", location: location))
            }
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    /// Whether a variable can be called this. No regular expression: those are parsed anew for each of up to 100,000 texts.
    private static func isName(_ text: String) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool {
            byte == UInt8(ascii: "_") || byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
        }
        func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
        guard let first = text.utf8.first, isLetter(first) else { return false }
        return text.utf8.allSatisfy { isLetter($0) || isDigit($0) }
    }

    /// The variables that a node's texts name, sorted.
    package static func names(in node: DocumentNode) -> [String] {
        switch node {
        case .scalar(.string(let text), _):
            guard text.contains("${") else { return [] }
            let plain = text.replacing("$${", with: "")
            return Set(plain.matches(of: /\$\{([A-Za-z_][A-Za-z0-9_]*)/).map { String($0.1) }).sorted()
        case .scalar: return []
        case .list(let elements, _): return Set(elements.flatMap { names(in: $0) }).sorted()
        case .mapping(let members, _): return Set(members.flatMap { names(in: $0.value) }).sorted()
        }
    }
}
