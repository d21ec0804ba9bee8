import Foundation

/// Fills the placeholders of a title: `{{ name }}`, `{{ date }}`, and fields of the post's own.
enum TitleTemplate {
    /// The placeholders that every title may hold.
    static let names = ["name", "date"]

    private static var placeholder: Regex<(Substring, Substring)> { /\{\{\s*([A-Za-z0-9_.-]*)\s*\}\}/ }

    /// The names of a title's placeholders, in their order.
    static func placeholders(in title: String) -> [String] { title.matches(of: placeholder).map { String($0.1) } }

    /// The title for one asset; placeholders without a value stay as they are.
    static func fill(_ title: String, name: String, date: Date, fields: [String: String]) -> String {
        let day = date.formatted(.iso8601.year().month().day())
        return title.replacing(placeholder) { match in
            switch match.1 {
            case "name": name
            case "date": day
            default: fields[String(match.1)] ?? String(match.0)
            }
        }
    }
}
