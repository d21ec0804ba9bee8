/// What a document is about, as far as advice on its syntax goes.
package struct DocumentKind: Sendable {
    /// The kind with an article, such as "a pipeline file".
    let name: String
    /// What to do about an empty one.
    let start: String
    /// Whether it may be YAML as well.
    let mayBeYAML: Bool

    /// A pipeline.
    package static let pipeline = DocumentKind(
        name: "a pipeline file",
        start: "start with spreader-pipeline init, or with { \"stages\": [{ \"uses\": \"probe\" }] }", mayBeYAML: true)
    /// Cases of a pipeline.
    package static let cases = DocumentKind(
        name: "a file of cases", start: "start with { \"cases\": [{ \"name\": \"…\" }] }", mayBeYAML: true)
    /// Settings of a post beside footage.
    static let sidecar = DocumentKind(
        name: "a sidecar", start: "write { \"title\": \"…\" }, or remove it", mayBeYAML: false)
    /// A plugin's manifest.
    package static let manifest = DocumentKind(
        name: "a plugin's manifest", start: "see docs/plugins.md for its keys", mayBeYAML: false)
    /// When footage is queued.
    package static let timeTable = DocumentKind(
        name: "a time table", start: "see docs/jobs.md for its keys", mayBeYAML: true)
}
