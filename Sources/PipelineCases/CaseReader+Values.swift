import PipelineFile
import PipelineKit

extension CaseReader {
    mutating func object(_ node: DocumentNode, named name: String) -> [DocumentNode.Member]? {
        if let members = node.members { return members }
        findings.report("wrong-type", "\(name) is an object, not \(node.json.kind)", at: node.location)
        return nil
    }

    mutating func text(_ member: DocumentNode.Member) -> String? {
        if let text = member.value.json.stringValue, !text.isEmpty { return text }
        if member.value.json == "" {
            findings.report("wrong-type", "\"\(member.key)\" is empty", at: member.value.location)
        } else {
            findings.reportType(of: member, wanted: "text")
        }
        return nil
    }

    mutating func choice(_ member: DocumentNode.Member, of known: [String]) -> String? {
        guard let choice = text(member) else { return nil }
        if known.contains(choice) { return choice }
        findings.report(
            "wrong-type", "\"\(member.key)\" takes one of \(known.joined(separator: ", ")), not \"\(choice)\"",
            hint: DocumentFindings.suggestion(for: choice, among: known), at: member.value.location)
        return nil
    }

    /// A value in command-line form.
    static func argument(_ value: JSONValue) -> String { value.stringValue ?? (try? value.text()) ?? "" }
}
