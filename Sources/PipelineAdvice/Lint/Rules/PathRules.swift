import Foundation
import Glibc
import PipelineFile
import PipelineKit

/// Rules about paths of inputs and outputs.
enum PathRules {
    static let all = [machinePath, outputIsInput, duplicateInput]

    /// Stage options whose values are paths.
    private static let pathOptions: Set<String> = ["image", "directory", "save", "file", "font"]

    static let machinePath = LintRule(
        code: "machine-path", "A path in a home or temporary folder does not exist on other machines."
    ) { subject in
        var places: [(path: String, location: SourcePosition, pointer: String)] = []
        // Variables are fine: each machine can set its own path.
        func note(_ node: DocumentNode, _ pointer: String) {
            guard let path = node.json.stringValue, isPersonal(path) else { return }
            places.append((path, node.location, pointer))
        }
        switch subject.root?.member("inputs")?.value {
        case .list(let inputs, _)?:
            for (index, input) in inputs.enumerated() { note(input, "/inputs/\(index)") }
        case let input?: note(input, "/inputs")
        case nil: break
        }
        for step in subject.steps {
            for member in step.node.member("with")?.value.members ?? [] where pathOptions.contains(member.key) {
                note(member.value, "\(step.pointer)/with/\(member.key)")
            }
        }
        return places.map { path, location, pointer in
            LintAdvice(
                "\"\(path)\" exists only on one machine or for one user",
                hint: "use a path relative to the current folder, or ${NAME}",
                at: location, pointer: pointer)
        }
    }

    private static func isPersonal(_ path: String) -> Bool {
        guard !path.contains("${") else { return false }
        return path.hasPrefix("~")
            || ["/home/", "/root/", "/Users/", "/tmp/", "/var/tmp/", "/private/", "/run/user/"].contains {
                path.hasPrefix($0)
            } || path.prefixMatch(of: /[A-Za-z]:[\\\/]/) != nil
    }

    static let outputIsInput = LintRule(
        code: "output-is-input", "A stage writes files that an input of the next run matches."
    ) { subject in
        guard let pipeline = subject.pipeline else { return [] }
        return subject.steps.compactMap { step in
            let (key, ending) =
                switch step.name {
                case "export": ("directory", "mp4")
                case "contactSheet": ("directory", "png")
                case "cover": ("save", "jpg")
                default: ("", "")
                }
            guard let written = step.value(key)?.stringValue, !written.isEmpty else { return nil }
            let isFile = key == "save" && [".jpg", ".jpeg", ".png"].contains { written.lowercased().hasSuffix($0) }
            let folder = isFile ? parent(plain(written)) : plain(written)
            guard let input = pipeline.inputs.first(where: { takes($0.pattern, folder, ending) }) else { return nil }
            return LintAdvice(
                "`\(step.stage.id)` writes to \(written), which the input \"\(input.pattern)\" matches: the next run takes these files as footage",
                hint: "write to a separate folder", at: step.location(key), pointer: "\(step.pointer)/with/\(key)")
        }
    }

    /// Whether an input matches files with that extension in `folder`: it is the folder itself, or a pattern in it.
    private static func takes(_ pattern: String, _ folder: String, _ ending: String) -> Bool {
        let pattern = plain(pattern)
        if pattern == folder { return true }
        let parent = parent(pattern)
        let last = String(pattern[(pattern.lastIndex(of: "/").map(pattern.index(after:)) ?? pattern.startIndex)...])
        guard last.contains(where: { "*?[".contains($0) }), parent == folder || matches(parent, folder) else {
            return false
        }
        // Outputs keep the stem of their footage, so only the extension matters.
        guard let dot = last.lastIndex(of: ".") else { return true }
        return matches(String(last[last.index(after: dot)...]), ending)
    }

    private static func matches(_ pattern: String, _ path: String) -> Bool {
        fnmatch(pattern, path, FNM_PATHNAME | FNM_PERIOD) == 0
    }

    /// The parent folder of a plain path. Foundation's `deletingLastPathComponent` traps on a path of one character.
    private static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// A path without `.` components and repeated slashes.
    private static func plain(_ path: String) -> String {
        let parts = path.split(separator: "/").filter { $0 != "." }
        let joined = parts.joined(separator: "/")
        return path.hasPrefix("/") ? "/" + joined : joined.isEmpty ? "." : joined
    }

    static let duplicateInput = LintRule(
        code: "duplicate-input", "Another input already covers this one; each file is used once."
    ) { subject in
        guard let inputs = subject.pipeline?.inputs else { return [] }
        return inputs.enumerated().compactMap { index, input in
            let own = plain(input.pattern)
            let isPattern = own.contains { "*?[".contains($0) }
            let other = inputs.enumerated().first { position, other in
                let theirs = plain(other.pattern)
                if own == theirs { return position < index }
                let covers = theirs == parent(own) || matches(theirs, own)
                return position != index && !isPattern && covers
            }
            return other.map { _, other in
                LintAdvice(
                    "the input \"\(input.pattern)\" is already covered by \"\(other.pattern)\"", hint: "remove it",
                    at: input.location, pointer: "/inputs/\(index)")
            }
        }
    }
}
