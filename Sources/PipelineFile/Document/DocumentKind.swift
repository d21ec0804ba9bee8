/// The kind of a document. It selects the wording of syntax errors and whether YAML is accepted.
package struct DocumentKind: Sendable {
    /// The kind with an article, such as "a pipeline file".
    let name: String
    /// The hint for an empty file.
    let start: String
    /// Whether YAML is accepted besides JSON.
    let mayBeYAML: Bool

    package static let pipeline = DocumentKind(
        name: "a pipeline file",
        start: "start with spreader-pipeline init, or with { \"stages\": [{ \"uses\": \"probe\" }] }", mayBeYAML: true)
    /// A test-case file of a pipeline.
    package static let cases = DocumentKind(
        name: "a test-case file", start: "start with { \"cases\": [{ \"name\": \"…\" }] }", mayBeYAML: true)
    /// Post settings next to a footage file.
    static let sidecar = DocumentKind(
        name: "a sidecar", start: "write { \"title\": \"…\" }, or remove it", mayBeYAML: false)
    package static let manifest = DocumentKind(
        name: "a plugin manifest", start: "see docs/plugins.md for its keys", mayBeYAML: false)
    /// A cron file: when to enqueue which footage.
    package static let timeTable = DocumentKind(
        name: "a cron file", start: "see docs/jobs.md for its keys", mayBeYAML: true)
}
