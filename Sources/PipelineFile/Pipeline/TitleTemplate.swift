package import Foundation
package import PipelineKit

/// Fills the placeholders of a title: `{{ name }}`, `{{ date }}`, `{{ part }}` of `{{ parts }}`, and fields of the post's own.
package enum TitleTemplate {
    /// The placeholders that every title may hold.
    package static let names = PostFields.taken

    /// No run gives back what it took: a title of braces and blanks alone is looked through once.
    private static var placeholder: Regex<(Substring, Substring)> { /\{\{\s*+([A-Za-z0-9_.-]*+)\s*+\}\}/ }

    /// The names of a title's placeholders, in their order.
    package static func placeholders(in title: String) -> [String] {
        title.matches(of: placeholder).map { String($0.1) }
    }

    /// The title for one asset; placeholders without a value stay as they are.
    /// - Parameter part: Which part of how many it is; the first of one when the footage is not split.
    package static func fill(
        _ title: String, name: String, date: Date, part: (number: Int, count: Int) = (1, 1), fields: [String: String]
    ) -> String {
        let day = date.formatted(.iso8601.year().month().day())
        return title.replacing(placeholder) { match in
            switch match.1 {
            case "name": name
            case "date": day
            case "part": "\(part.number)"
            case "parts": "\(part.count)"
            default: fields[String(match.1)] ?? String(match.0)
            }
        }
    }
}
