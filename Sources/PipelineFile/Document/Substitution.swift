import Foundation
package import PipelineKit

/// Replaces `${NAME}` and `${NAME:-default}` in the texts of a pipeline file by values of the environment.
package struct Substitution: Sendable {
    private let value: @Sendable (String) -> String?
    private let isReserved: @Sendable (String) -> Bool

    /// Creates a substitution from an environment.
    /// - Parameters:
    ///   - value: The value of a variable; nil if it is not set.
    ///   - isReserved: Whether a variable holds a secret of the program, which pipelines must not use.
    package init(
        value: @escaping @Sendable (String) -> String?,
        isReserved: @escaping @Sendable (String) -> Bool = { _ in false }
    ) {
        self.value = value
        self.isReserved = isReserved
    }

    /// Replaces the variables in all texts below `node`, and reports an error at each variable without a value.
    /// `$${` yields a literal `${`. An empty value counts as missing.
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

    /// A limit on findings, because aliases can repeat one mistake thousands of times.
    private static let mostFindings = 100

    private func fill(_ text: String, at location: SourcePosition, _ findings: inout [Diagnostic]) -> String {
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
                        hint: "write $${ for a literal ${", location: location))
                return result + rest[start.lowerBound...]
            }
            let body = String(rest[start.upperBound..<end])
            let parts = body.split(separator: ":-", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = parts.first ?? ""
            if !Self.isName(name) {
                findings.append(
                    Diagnostic(
                        code: "bad-substitution", "\"\(name)\" is not a valid name of an environment variable",
                        hint: "write ${NAME} or ${NAME:-default}; $${ for a literal ${", location: location
                    ))
            } else if isReserved(name) {
                findings.append(
                    Diagnostic(
                        code: "reserved-environment",
                        "\(name) is a secret of this program, which a pipeline must not use",
                        hint: "remove it: stages that need the account get its credentials automatically",
                        location: location))
            } else if parts.count == 2, parts[1].contains("${") {
                findings.append(
                    Diagnostic(
                        code: "bad-substitution", "the default of ${\(name)} contains another \"${\"",
                        hint: "defaults are not substituted: write the value itself", location: location))
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

    /// Whether `text` is a valid variable name. Not a regular expression, which would be compiled again for each of up to
    /// 100,000 texts.
    private static func isName(_ text: String) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool {
            byte == UInt8(ascii: "_") || byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
        }
        func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
        guard let first = text.utf8.first, isLetter(first) else { return false }
        return text.utf8.allSatisfy { isLetter($0) || isDigit($0) }
    }

    /// The sorted names of the variables used below `node`.
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
