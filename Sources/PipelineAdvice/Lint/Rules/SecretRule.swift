import PipelineFile
import PipelineKit

/// The rule about secrets in a shared file.
enum SecretRule {
    static let all = [secretInFile]

    static let secretInFile = LintRule(
        code: "secret-in-file", "The file contains text that looks like a token, a key or a password."
    ) { subject in
        guard let root = subject.root else { return [] }
        var advice: [LintAdvice] = []
        search(root, pointer: "", into: &advice)
        let known = Set(advice.map(\.location))
        return advice
            + SecretLiteral.all(in: subject.document, stages: subject.stages).filter {
                $0.isInClear && !known.contains($0.location)
            }.map { literal in
                LintAdvice(
                    "\"\(literal.option)\" of `\(literal.stage)` is secret, but everyone who reads the file sees its value",
                    hint: "write \"${NAME}\", and set the value in the environment or in .env", at: literal.location,
                    pointer: literal.pointer)
            }
    }

    private static func search(_ node: DocumentNode, pointer: String, into advice: inout [LintAdvice]) {
        switch node {
        case .scalar(.string(let text), let location):
            guard let kind = SecretPatterns.kind(in: text) else { return }
            advice.append(
                LintAdvice(
                    "this looks like \(kind), which everyone who reads the file can use",
                    hint:
                        "remove and revoke it; keep secrets in the environment or in .env, as pipelines need none",
                    at: location, pointer: pointer))
        case .scalar: return
        case .list(let elements, _):
            for (index, element) in elements.enumerated() {
                search(element, pointer: "\(pointer)/\(index)", into: &advice)
            }
        case .mapping(let members, _):
            for member in members { search(member.value, pointer: "\(pointer)/\(member.key)", into: &advice) }
        }
    }
}
