import PipelineKit

/// An object of a document and its JSON pointer.
struct DocumentSection {
    let node: DocumentNode
    let pointer: String

    func pointer(to key: String) -> String { "\(pointer)/\(key)" }
}

extension PipelineReader {
    /// Checks an object of options or post settings.
    mutating func checkOptions(
        _ members: [DocumentNode.Member], pointer: String, check: ([String: JSONValue]) -> [OptionFinding]
    ) {
        let object = Dictionary(members.map { ($0.key, $0.value.json) }, uniquingKeysWith: { $1 })
        for finding in check(object) {
            guard let member = members.last(where: { $0.key == finding.key }) else { continue }
            // A missing variable was already reported at this location.
            if !finding.concernsKey, findings.contains(at: member.value.location) { continue }
            findings.report(finding, of: member, pointer: pointer)
        }
    }

    mutating func text(_ key: String, in section: DocumentSection) -> String? {
        guard let member = section.node.member(key) else { return nil }
        let value = member.value.json
        if let text = value.stringValue, !text.isEmpty { return text }
        // A missing variable was already reported at this location.
        if value == "", findings.contains(at: member.value.location) { return nil }
        if value == "" {
            findings.report(
                "wrong-type", "\"\(key)\" is empty", at: member.value.location, pointer: section.pointer(to: key))
        } else {
            findings.reportType(of: member, wanted: "text", pointer: section.pointer(to: key))
        }
        return nil
    }

    mutating func duration(_ key: String, in section: DocumentSection) -> Duration? {
        guard let member = section.node.member(key) else { return nil }
        do throws(OptionProblem) {
            return try Duration.parse(member.value.json)
        } catch {
            findings.report(
                error.code, "\"\(key)\" \(error.message)", hint: error.hint, at: member.value.location,
                pointer: section.pointer(to: key))
            return nil
        }
    }

    mutating func boolean(_ key: String, in section: DocumentSection) -> Bool? {
        guard let member = section.node.member(key) else { return nil }
        if let value = member.value.json.boolValue { return value }
        findings.reportType(of: member, wanted: "true or false", pointer: section.pointer(to: key))
        return nil
    }

    /// Reads `labels`. Labels can't contain commas, which separate them on the command line.
    mutating func labels(in section: DocumentSection) -> [String] {
        guard let member = section.node.member("labels") else { return [] }
        guard case .array(let list) = member.value.json,
            !list.contains(where: { $0.stringValue.map { $0.isEmpty || $0.contains(",") } ?? true })
        else {
            findings.report(
                "wrong-type", "\"labels\" takes a list of words such as [\"egress\"]", at: member.value.location,
                pointer: section.pointer(to: "labels"))
            return []
        }
        return list.compactMap(\.stringValue)
    }
}
