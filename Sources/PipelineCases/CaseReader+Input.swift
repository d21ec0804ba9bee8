import Foundation
import PipelineFile
import PipelineKit

extension CaseReader {
    mutating func input(_ member: DocumentNode.Member) -> CaseInput? {
        if member.value.json.stringValue != nil { return existingFile(member) }
        guard let members = object(member.value, named: "\"input\"") else { return nil }
        findings.checkKeys(of: members, known: Self.clipKeys)
        let node = member.value
        let name = name(node)
        if let content = node.member("content") {
            for member in members where !["content", "name"].contains(member.key) && Self.clipKeys.contains(member.key)
            {
                findings.report("conflict", "\"\(member.key)\" has no meaning for a text file", at: member.keyLocation)
            }
            return text(content).map { CaseInput.text($0, name: name ?? CaseClip().name) }
        }
        return .clip(clip(node, named: name))
    }

    private mutating func existingFile(_ member: DocumentNode.Member) -> CaseInput? {
        guard let name = text(member) else { return nil }
        let path = path(to: name)
        if FileManager.default.fileExists(atPath: path) { return .file(path: path) }
        findings.report(
            "no-input", "the file \"\(name)\" does not exist", hint: "the path is relative to the test-case file",
            at: member.value.location)
        return nil
    }

    private mutating func clip(_ node: DocumentNode, named name: String?) -> CaseClip {
        var clip = CaseClip()
        if let name { clip.name = name }
        if let member = node.member("ready") {
            clip.isReady = member.value.json.boolValue ?? false
            if member.value.json.boolValue == nil { findings.reportType(of: member, wanted: "true or false") }
        }
        for key in ["width", "height", "frameRate", "codec", "rotation"] {
            guard clip.isReady, let member = node.member(key) else { continue }
            findings.report("conflict", "\"ready\" already determines \"\(key)\"", at: member.keyLocation)
        }
        clip.width = Int(number("width", of: node, in: 16...4096, isEven: true) ?? Double(clip.width))
        clip.height = Int(number("height", of: node, in: 16...4096, isEven: true) ?? Double(clip.height))
        clip.seconds = number("seconds", of: node, in: 0.1...120) ?? clip.seconds
        clip.frameRate = number("frameRate", of: node, in: 1...240) ?? clip.frameRate
        if let member = node.member("codec"), let codec = choice(member, of: CaseClip.codecs) { clip.codec = codec }
        if let member = node.member("rotation") {
            if let degrees = member.value.json.integerValue, [0, 90, 180, 270].contains(degrees) {
                clip.rotation = Int(degrees)
            } else {
                findings.report("out-of-range", "\"rotation\" takes 0, 90, 180 or 270", at: member.value.location)
            }
        }
        if let member = node.member("sound") {
            switch member.value.json {
            case .bool(let isOn): clip.sound = isOn ? .tone : .none
            case "silent": clip.sound = .silent
            default: findings.reportType(of: member, wanted: "true, false or \"silent\"")
            }
        }
        return clip
    }

    private mutating func name(_ node: DocumentNode) -> String? {
        guard let member = node.member("name"), let name = text(member) else { return nil }
        let ending = URL(filePath: name).pathExtension.lowercased()
        guard !name.contains("/"), !name.hasPrefix("."), CaseClip.endings.contains(ending) else {
            findings.report(
                "wrong-type", "\"name\" takes a file name such as clip.mov, not \"\(name)\"",
                hint: "extensions: \(CaseClip.endings.joined(separator: ", "))", at: member.value.location)
            return nil
        }
        return name
    }

    private mutating func number(
        _ key: String, of node: DocumentNode, in range: ClosedRange<Double>, isEven: Bool = false
    ) -> Double? {
        guard let member = node.member(key) else { return nil }
        let number = member.value.json.doubleValue
        if let number, range.contains(number), !isEven || number.truncatingRemainder(dividingBy: 2) == 0 {
            return number
        }
        let (low, high) = (CaseExpectation.Wanted.shown(.number(range.lowerBound)), Int(range.upperBound))
        findings.report(
            "out-of-range", "\"\(key)\" takes \(isEven ? "an even number" : "a number") between \(low) and \(high)",
            at: member.value.location)
        return nil
    }
}
