import PipelineFile
import PipelineKit

extension CaseReader {
    mutating func expectations(_ node: DocumentNode) -> [CaseExpectation] {
        var found: [CaseExpectation] = []
        if let member = node.member("expect"), let members = object(member.value, named: "\"expect\"") {
            findings.checkKeys(of: members, known: Self.expectKeys)
            for member in members where Self.expectKeys.contains(member.key) { found += expectation(member) }
        }
        if !found.contains(where: { $0.path == ["exit"] }) {
            found.insert(CaseExpectation(path: ["exit"], wanted: .equal(0), location: node.location), at: 0)
        }
        return found
    }

    private mutating func expectation(_ member: DocumentNode.Member) -> [CaseExpectation] {
        switch member.key {
        case "maxDuration":
            guard let limit = member.value.json.doubleValue else {
                findings.reportType(of: member, wanted: "a number of seconds")
                return []
            }
            return [CaseExpectation(path: ["duration"], wanted: .atMost(limit), location: member.value.location)]
        case "diagnostics", "files":
            guard case .list(let elements, _) = member.value else {
                findings.reportType(of: member, wanted: "a list")
                return []
            }
            if elements.isEmpty {
                return [
                    CaseExpectation(path: [member.key], wanted: .equal(.array([])), location: member.value.location)
                ]
            }
            return elements.map {
                CaseExpectation(path: [member.key], wanted: .contains($0.json), location: $0.location)
            }
        case "post":
            guard let members = object(member.value, named: "\"post\""), isFilled(member) else { return [] }
            findings.checkKeys(of: members, known: Self.postKeys)
            return members.flatMap { values($0, below: ["post"]) }
        case "stages":
            guard let members = object(member.value, named: "\"stages\""), isFilled(member) else { return [] }
            return members.flatMap { stage -> [CaseExpectation] in
                checkStage(stage.key, at: stage.keyLocation)
                guard let fields = object(stage.value, named: "an expectation of a stage"), isFilled(stage)
                else { return [] }
                return fields.flatMap { values($0, below: ["stages", stage.key]) }
            }
        default: return values(member, below: [])
        }
    }

    /// Rejects an empty object of expectations, which would always pass.
    private mutating func isFilled(_ member: DocumentNode.Member) -> Bool {
        if member.value.members?.isEmpty != true { return true }
        findings.report(
            "empty-value", "\"\(member.key)\" expects nothing", hint: "add an expectation, or remove the key",
            at: member.value.location)
        return false
    }

    /// The expectations of one field: its value, its conditions, or those of its nested fields.
    private mutating func values(_ member: DocumentNode.Member, below path: [String]) -> [CaseExpectation] {
        let path = path + [member.key]
        guard let members = member.value.members else {
            return [CaseExpectation(path: path, wanted: .equal(member.value.json), location: member.value.location)]
        }
        guard isFilled(member) else { return [] }
        let conditions = ["atMost", "atLeast", "between", "matches", "contains"]
        guard members.contains(where: { conditions.contains($0.key) }) else {
            return members.flatMap { values($0, below: path) }
        }
        findings.checkKeys(of: members, known: conditions)
        let wanted = members.compactMap { conditions.contains($0.key) ? condition($0) : nil }
        return [
            CaseExpectation(
                path: path, wanted: wanted.count == 1 ? wanted[0] : .all(wanted), location: member.value.location)
        ]
    }

    private mutating func condition(_ member: DocumentNode.Member) -> CaseExpectation.Wanted? {
        let value = member.value.json
        switch member.key {
        case "atMost", "atLeast":
            if let limit = value.doubleValue { return member.key == "atMost" ? .atMost(limit) : .atLeast(limit) }
            findings.reportType(of: member, wanted: "a number")
        case "between":
            if case .array(let limits) = value, limits.count == 2, let low = limits[0].doubleValue,
                let high = limits[1].doubleValue
            {
                if low <= high { return .all([.atLeast(low), .atMost(high)]) }
                findings.report("out-of-range", "\"between\" takes the smaller number first", at: member.value.location)
            } else {
                findings.reportType(of: member, wanted: "a list of two numbers")
            }
        case "matches":
            guard let pattern = text(member) else { return nil }
            if (try? Regex(pattern)) != nil { return .matches(pattern) }
            findings.report("wrong-type", "\"\(pattern)\" is not a valid regular expression", at: member.value.location)
        default:
            return .contains(value)
        }
        return nil
    }
}
