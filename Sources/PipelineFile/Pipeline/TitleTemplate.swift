package import Foundation
import PipelineKit

/// Fills the placeholders of a title: `{{ name }}`, `{{ date }}`, `{{ part }}`, `{{ parts }}`, and the post's `fields`.
package enum TitleTemplate {
    /// The placeholders that need no `fields`.
    package static let names = PostFields.taken

    /// Possessive quantifiers keep matching linear on a title of many braces and blanks.
    private static var placeholder: Regex<(Substring, Substring)> { /\{\{\s*+([A-Za-z0-9_.-]*+)\s*+\}\}/ }

    /// The names of the placeholders in order of appearance.
    package static func placeholders(in title: String) -> [String] {
        title.matches(of: placeholder).map { String($0.1) }
    }

    /// Fills the title for one asset. Placeholders without a value stay unchanged.
    /// - Parameter part: The number of the part and of all parts; (1, 1) if the footage is not split.
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
