package import PipelineKit

/// Parses JSON or YAML into nodes that carry their source locations.
package enum DocumentLoader {
    package static let largestFile = 1_000_000

    /// Parses a document within limits for size, nesting and the number of values.
    /// - Parameters:
    ///   - text: The content of the file.
    ///   - file: The name for locations; the extension `.json` requires strict JSON.
    ///   - kind: The kind of document, for error messages.
    /// - Returns: The root node, or nil and one finding with the code `syntax`.
    package static func load(
        _ text: String, file: String, kind: DocumentKind = .pipeline
    ) -> (root: DocumentNode?, findings: [Diagnostic]) {
        do throws(SyntaxProblem) {
            return (try parse(text, file: file, kind: kind), [])
        } catch {
            let location = SourcePosition(file: file, line: error.position.line, column: error.position.column)
            let hint = error.hint == SyntaxProblem.yamlHint && !kind.mayBeYAML ? nil : error.hint
            return (
                nil,
                [
                    Diagnostic(
                        code: "syntax", error.message,
                        hint: hint?.replacing(DocumentKind.pipeline.name, with: kind.name), location: location)
                ]
            )
        }
    }

    private static func parse(
        _ text: String, file: String, kind: DocumentKind
    ) throws(SyntaxProblem) -> DocumentNode {
        // Drop a byte order mark: editors don't count it as a column.
        let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        guard text.utf8.count <= largestFile else {
            throw SyntaxProblem("the file is larger than 1 MB", hint: "a pipeline file is a few kilobytes", at: .start)
        }
        if !text.allSatisfy(\.isWhitespace) {
            let isJSON = file.lowercased().hasSuffix(".json")
            let root = isJSON ? try JSONReader.read(text, file: file) : try YAMLReader.read(text, file: file)
            if let root { return root }
        }
        throw SyntaxProblem("the file is empty", hint: kind.start, at: .start)
    }
}
