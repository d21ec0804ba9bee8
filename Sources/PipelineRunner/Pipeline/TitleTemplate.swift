import Foundation

/// Fills the placeholders of a title: `{{ name }}`, `{{ date }}`.
enum TitleTemplate {
    /// The placeholders that a title may hold.
    static let names = ["name", "date"]

    private static var placeholder: Regex<(Substring, Substring)> { /\{\{\s*([A-Za-z0-9_.-]*)\s*\}\}/ }

    /// Placeholders that nothing fills.
    static func unknownPlaceholders(in title: String) -> [String] {
        title.matches(of: placeholder).map { String($0.1) }.filter { !names.contains($0) }
    }

    /// The title for one asset.
    static func fill(_ title: String, name: String, date: Date) -> String {
        let day = date.formatted(.iso8601.year().month().day())
        return title.replacing(placeholder) { match in
            switch match.1 {
            case "name": name
            case "date": day
            default: String(match.0)
            }
        }
    }
}
