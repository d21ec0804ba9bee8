package import PipelineKit

/// The findings about a document, with the checks that all readers of documents share.
package struct DocumentFindings: Sendable {
    private var all: [Diagnostic]

    package init(_ findings: [Diagnostic] = []) { all = findings }

    package var count: Int { all.count }
    package var hasErrors: Bool { all.contains { $0.severity == .error } }

    /// The findings from top to bottom; those without a line come last.
    package var inFileOrder: [Diagnostic] {
        all.sorted { left, right in
            (left.location?.line ?? .max, left.location?.column ?? 0) < (
                right.location?.line ?? .max, right.location?.column ?? 0
            )
        }
    }

    /// Whether a problem at a location was reported.
    package func contains(at location: SourcePosition) -> Bool { all.contains { $0.location == location } }

    package mutating func report(_ finding: Diagnostic) { all.append(finding) }

    package mutating func report(
        _ code: String, _ message: String, hint: String? = nil, at location: SourcePosition, pointer: String? = nil
    ) {
        all.append(Diagnostic(code: code, message, hint: hint, location: location, pointer: pointer))
    }

    /// Reports a problem with an option or a post setting at a member of the document.
    package mutating func report(_ finding: OptionFinding, of member: DocumentNode.Member, pointer: String? = nil) {
        report(
            finding, at: finding.concernsKey ? member.keyLocation : member.value.location,
            pointer: pointer.map { "\($0)/\(finding.key)" })
    }

    /// Reports a problem with an option or a post setting.
    package mutating func report(_ finding: OptionFinding, at location: SourcePosition, pointer: String? = nil) {
        let problem = finding.problem
        let message = finding.concernsKey ? problem.message : "\"\(finding.key)\" \(problem.message)"
        report(problem.code, message, hint: problem.hint, at: location, pointer: pointer)
    }

    /// Reports a value of another type than the one that its key takes, such as "a list".
    package mutating func reportType(
        of member: DocumentNode.Member, wanted: String, pointer: String? = nil
    ) {
        report(
            "wrong-type", "\"\(member.key)\" takes \(wanted), not \(member.value.json.kind)", at: member.value.location,
            pointer: pointer)
    }

    /// Reports members with other keys than the known ones.
    /// - Parameter pointer: The JSON pointer to the object; nil for findings without pointers.
    package mutating func checkKeys(of members: [DocumentNode.Member], known: [String], pointer: String? = nil) {
        for member in members where !known.contains(member.key) {
            report(
                "unknown-key", "unknown key \"\(member.key)\"", hint: Self.hint(for: member.key, among: known),
                at: member.keyLocation, pointer: pointer.map { "\($0)/\(member.key)" })
        }
    }

    /// Suggests the known name nearest to a misspelt one, or lists all of them.
    package static func hint(for name: String, among known: [String]) -> String {
        suggestion(for: name, among: known) ?? "known: \(known.joined(separator: ", "))"
    }

    /// Suggests the known name nearest to a misspelt one; nil if none resembles it.
    package static func suggestion(for name: String, among known: [String]) -> String? {
        NearestName.of(name, in: known).map { "did you mean \"\($0)\"?" }
    }
}
