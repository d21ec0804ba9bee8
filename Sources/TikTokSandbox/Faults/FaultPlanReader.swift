/// Decodes the JSON of a fault plan. Errors carry a JSON pointer to the invalid value.
struct FaultPlanReader {
    let name: String

    mutating func read(_ value: SandboxJSON) throws -> FaultPlan {
        var plan = FaultPlan()
        if case .array(let rules) = value {
            plan.rules = try readRules(rules, at: "")
            return plan
        }
        let members = try object(value, at: "", keys: ["settings", "rules"])
        if let settings = members["settings"] {
            try readSettings(settings, into: &plan.settings)
        }
        if let rules = members["rules"] {
            guard case .array(let list) = rules else { throw failure(at: "/rules", "takes a list") }
            plan.rules = try readRules(list, at: "/rules")
        }
        return plan
    }

    private func readSettings(_ value: SandboxJSON, into settings: inout SandboxSettings) throws {
        let members = try object(value, at: "/settings", keys: SettingKey.all.map(\.name))
        for key in SettingKey.all {
            guard let member = members[key.name] else { continue }
            if let problem = key.store(member, &settings) { throw failure(at: "/settings/\(key.name)", problem) }
        }
    }

    private func readRules(_ values: [SandboxJSON], at path: String) throws -> [FaultRule] {
        var rules: [FaultRule] = []
        for (index, value) in values.enumerated() {
            rules.append(try readRule(value, at: "\(path)/\(index)"))
        }
        return rules
    }

    private func readRule(_ value: SandboxJSON, at path: String) throws -> FaultRule {
        let members = try object(value, at: path, keys: ["match", "times", "after", "action"])
        guard let action = members["action"] else { throw failure(at: path, "needs an `action`") }
        var times: Int? = 1
        switch members["times"] {
        case nil: break
        case .string("always"): times = nil
        case .integer(let number) where number >= 1 && number <= Int32.max: times = Int(number)
        default: throw failure(at: "\(path)/times", "takes a whole number from 1, or \"always\"")
        }
        return FaultRule(
            match: try readMatch(members["match"] ?? [:], at: "\(path)/match"), times: times,
            after: try count(members["after"], at: "\(path)/after") ?? 0,
            action: try readAction(action, at: "\(path)/action"))
    }

    private func readMatch(_ value: SandboxJSON, at path: String) throws -> FaultRule.Match {
        let members = try object(value, at: path, keys: ["path", "method", "chunk"])
        return FaultRule.Match(
            path: try text(members["path"], at: "\(path)/path"),
            method: try text(members["method"], at: "\(path)/method"),
            chunk: try count(members["chunk"], at: "\(path)/chunk"))
    }

    private func readAction(_ value: SandboxJSON, at path: String) throws -> FaultAction {
        let members = try object(value, at: path, keys: ["answer", "delay", "drop", "garbage", "halfBody", "hang"])
        guard members.count == 1, let (key, argument) = members.first else {
            throw failure(at: path, "takes exactly one of answer, delay, drop, garbage, halfBody, hang")
        }
        let pointer = "\(path)/\(key)"
        switch (key, argument) {
        case ("answer", _): return .answer(try readAnswer(argument, at: pointer))
        case ("delay", _): return .delay(try seconds(argument, at: pointer))
        case ("drop", .string("before")): return .dropBefore
        case ("drop", .string("after")): return .dropAfter
        case ("drop", .object):
            let parts = try object(argument, at: pointer, keys: ["afterBytes"])
            guard let bytes = try count(parts["afterBytes"], at: "\(pointer)/afterBytes") else {
                throw failure(at: pointer, "needs `afterBytes`")
            }
            return .dropMidBody(bytes: bytes)
        case ("drop", _): throw failure(at: pointer, "takes \"before\", \"after\" or {\"afterBytes\": N}")
        case ("garbage", .bool(let handled)): return .garbage(handled: handled)
        case ("halfBody", .bool(let handled)): return .halfBody(handled: handled)
        case ("hang", .bool(true)): return .hang(3600)
        case ("hang", _): return .hang(try seconds(argument, at: pointer))
        default: throw failure(at: pointer, "takes true (the request takes effect) or false")
        }
    }

    private func readAnswer(_ value: SandboxJSON, at path: String) throws -> FaultAction.Answer {
        let members = try object(value, at: path, keys: ["status", "code", "message", "headers", "handled"])
        var answer = FaultAction.Answer()
        if let status = try count(members["status"], at: "\(path)/status") {
            guard (200...599).contains(status) else {
                throw failure(at: "\(path)/status", "takes a status from 200 to 599")
            }
            answer.status = status
        }
        answer.code = try text(members["code"], at: "\(path)/code") ?? answer.code
        answer.message = try text(members["message"], at: "\(path)/message") ?? answer.message
        if let headers = members["headers"] {
            guard case .object(let fields) = headers else { throw failure(at: "\(path)/headers", "takes an object") }
            for (field, value) in fields {
                answer.headers[field] = try text(value, at: "\(path)/headers/\(field)")
            }
        }
        if let handled = members["handled"] {
            guard let flag = handled.boolValue else { throw failure(at: "\(path)/handled", "takes true or false") }
            answer.handled = flag
        }
        return answer
    }

    private func object(_ value: SandboxJSON, at path: String, keys: [String]) throws -> [String: SandboxJSON] {
        guard case .object(let members) = value else { throw failure(at: path, "takes an object") }
        for key in members.keys.sorted() where !keys.contains(key) {
            let candidates = ClosestName.candidates(for: key, among: keys)
            let hint =
                candidates.isEmpty
                ? "known here: " + keys.joined(separator: ", ")
                : "did you mean " + candidates.map { "`\($0)`" }.joined(separator: " or ") + "?"
            throw SandboxError(
                .invalidFaults, "\(name): unknown key `\(key)` at \(path.isEmpty ? "/" : path)", hint: hint,
                pointer: "\(path)/\(key)")
        }
        return members
    }

    private func text(_ value: SandboxJSON?, at path: String) throws -> String? {
        guard let value else { return nil }
        guard let text = value.stringValue else { throw failure(at: path, "takes a string") }
        return text
    }

    private func count(_ value: SandboxJSON?, at path: String) throws -> Int? {
        guard let value else { return nil }
        guard let number = value.integerValue, number >= 0, number <= Int32.max else {
            throw failure(at: path, "takes a whole number from 0")
        }
        return Int(number)
    }

    private func seconds(_ value: SandboxJSON, at path: String) throws -> Double {
        guard let number = value.doubleValue, number >= 0, number <= 86_400 else {
            throw failure(at: path, "takes a number of seconds")
        }
        return number
    }

    private func failure(at path: String, _ problem: String) -> SandboxError {
        SandboxError(.invalidFaults, "\(name): \(path.isEmpty ? "/" : path) \(problem)", pointer: path)
    }
}
