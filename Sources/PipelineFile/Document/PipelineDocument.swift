import Foundation
package import PipelineKit

/// A pipeline file that was read and parsed once, for everything that examines it.
package struct PipelineDocument: Sendable {
    /// The path as the user gave it; locations repeat it.
    package let file: String
    /// The content; empty if the file can't be read.
    package let text: String
    /// The root before substitution; nil if the file can't be read or parsed.
    package let root: DocumentNode?
    /// Why the file can't be read or parsed; empty if ``root`` exists.
    package let findings: [Diagnostic]

    /// Parses the text of a pipeline file.
    package init(_ text: String, file: String) {
        self.file = file
        self.text = text
        (root, findings) = DocumentLoader.load(text, file: file)
    }

    /// A file that can't be read.
    private init(unreadable file: String, _ finding: Diagnostic) {
        self.file = file
        text = ""
        root = nil
        findings = [finding]
    }

    /// Reads and parses a pipeline file. A file that can't be read yields a document with one finding.
    package static func read(_ file: String) -> PipelineDocument {
        guard !file.isEmpty else {
            let finding = Diagnostic(
                code: "unreadable-pipeline", "the path of the pipeline file is empty", hint: "name a JSON or YAML file")
            return PipelineDocument(unreadable: file, finding)
        }
        do throws(FileText.Problem) {
            return PipelineDocument(try FileText.read(URL(filePath: file)), file: file)
        } catch {
            let finding = Diagnostic(
                code: "unreadable-pipeline", "the pipeline file \(file) \(error.message)", hint: error.hint,
                location: SourcePosition(file: file, line: error.line, column: error.column))
            return PipelineDocument(unreadable: file, finding)
        }
    }

    /// The elements of `stages`; empty if there is no such list.
    package var stageNodes: [DocumentNode] {
        guard case .list(let elements, _)? = root?.member("stages")?.value else { return [] }
        return elements
    }

    /// The names in `uses`, which select the stages and plugins that the pipeline needs.
    package var stageNames: Set<String> { Set(stageNodes.compactMap { $0.text("uses") }) }

    /// Maps post settings and stage options, such as `post.title` or `transcode.crf`, to the environment variables in
    /// their values.
    var variables: [String: [String]] {
        var found: [String: [String]] = [:]
        func collect(from members: [DocumentNode.Member]?, owner: String) {
            for member in members ?? [] {
                let names = Substitution.names(in: member.value)
                if !names.isEmpty { found["\(owner).\(member.key)"] = names }
            }
        }
        collect(from: root?.member("post")?.value.members, owner: "post")
        for stage in stageNodes {
            let id = (stage.member("id") ?? stage.member("uses"))?.value.json.stringValue
            collect(from: stage.member("with")?.value.members, owner: id ?? "")
        }
        return found
    }
}
