import Foundation
import Glibc
import PipelineKit

/// Paths that lead astray.
enum PathRules {
    static let all = [machinePath, outputIsInput, duplicateInput]

    /// Options that are paths.
    private static let pathOptions: Set<String> = ["image", "directory", "save", "file", "font"]

    static let machinePath = LintRule(
        code: "machine-path", "A path into a home or temporary folder, which other machines don't have."
    ) { subject in
        var places: [(path: String, location: SourceLocation, pointer: String)] = []
        // Paths that the environment gives are each machine's own.
        func note(_ node: DocumentNode, _ pointer: String) {
            guard let path = node.json.stringValue, isPersonal(path) else { return }
            places.append((path, node.location, pointer))
        }
        switch subject.written?.member("inputs")?.value {
        case .list(let inputs, _)?:
            for (index, input) in inputs.enumerated() { note(input, "/inputs/\(index)") }
        case let input?: note(input, "/inputs")
        case nil: break
        }
        for step in subject.steps {
            for member in step.written.member("with")?.value.members ?? [] where pathOptions.contains(member.key) {
                note(member.value, "\(step.pointer)/with/\(member.key)")
            }
        }
        return places.map { path, location, pointer in
            LintAdvice(
                "\"\(path)\" is a path of one machine or user",
                hint: "write it relative to the current folder, or as ${NAME}",
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
        code: "output-is-input", "What a run writes is footage of the next run."
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
            let isFile = key == "save" && ["jpg", "png"].contains((written.lowercased() as NSString).pathExtension)
            let folder = plain(isFile ? (written as NSString).deletingLastPathComponent : written)
            guard let input = pipeline.inputs.first(where: { takes($0.pattern, folder, ending) }) else { return nil }
            return LintAdvice(
                "`\(step.stage.id)` writes into \(written), where \"\(input.pattern)\" finds it: the next run takes it for footage",
                hint: "write into a folder of its own", at: step.location(key), pointer: "\(step.pointer)/with/\(key)")
        }
    }

    /// Whether an input finds files with that ending in `folder`: the folder itself, or a pattern for what is in it.
    private static func takes(_ pattern: String, _ folder: String, _ ending: String) -> Bool {
        let pattern = plain(pattern)
        if pattern == folder { return true }
        let parent = plain((pattern as NSString).deletingLastPathComponent)
        let last = (pattern as NSString).lastPathComponent
        guard last.contains(where: { "*?[".contains($0) }), parent == folder || matches(parent, folder) else {
            return false
        }
        // What is written has the name of its footage, so only the ending can differ.
        let wanted = (last as NSString).pathExtension
        return wanted.isEmpty || matches(wanted, ending)
    }

    private static func matches(_ pattern: String, _ path: String) -> Bool {
        fnmatch(pattern, path, FNM_PATHNAME | FNM_PERIOD) == 0
    }

    /// A path without the detours that are only spelling.
    private static func plain(_ path: String) -> String {
        let parts = path.split(separator: "/").filter { $0 != "." }
        let joined = parts.joined(separator: "/")
        return path.hasPrefix("/") ? "/" + joined : joined.isEmpty ? "." : joined
    }

    static let duplicateInput = LintRule(
        code: "duplicate-input", "An input that another one covers; each file is taken once."
    ) { subject in
        guard let inputs = subject.pipeline?.inputs else { return [] }
        return inputs.enumerated().compactMap { index, input in
            let own = plain(input.pattern)
            let isPattern = own.contains { "*?[".contains($0) }
            let other = inputs.enumerated().first { position, other in
                let theirs = plain(other.pattern)
                if own == theirs { return position < index }
                let covers = theirs == (own as NSString).deletingLastPathComponent || matches(theirs, own)
                return position != index && !isPattern && covers
            }
            return other.map { _, other in
                LintAdvice(
                    "\"\(input.pattern)\" is found by \"\(other.pattern)\" already", hint: "remove it",
                    at: input.location, pointer: "/inputs/\(index)")
            }
        }
    }
}
