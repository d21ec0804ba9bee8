/// Which of a file's tags may pass into a delivery.
package enum SafeTags {
    /// Tags that describe the content. Everything else stays behind: places, persons, devices, programs, serial numbers,
    /// and whatever a vendor may invent tomorrow.
    private static let allowed: Set<String> = [
        "title", "comment", "description", "synopsis", "genre", "date", "language", "copyright", "show",
        "season_number",
        "episode_id", "episode_sort", "grouping", "keywords",
    ]

    /// Longest value that passes, in characters.
    private static let maximumLength = 4000

    /// The tags of `tags` that identify nobody, keys in lower case.
    ///
    /// Language variants (`title-eng`) pass under their own name. A date loses its time of day, and a text that holds a
    /// place in ISO 6709 form (`+48.8577+002.295/`) does not pass.
    package static func safe(_ tags: [String: String]) -> [String: String] {
        var result: [String: String] = [:]
        for (key, value) in tags.sorted(by: { $0.key < $1.key }) {
            let name = key.lowercased()
            let base = name.split(separator: "-", maxSplits: 1).first.map(String.init) ?? name
            guard allowed.contains(base), isLanguageVariant(name, of: base), !value.isEmpty,
                value.count <= maximumLength, !holdsPlace(value)
            else { continue }
            result[name] = base == "date" ? String(value.prefix { $0 != "T" && $0 != " " }) : value
        }
        return result
    }

    private static func isLanguageVariant(_ name: String, of base: String) -> Bool {
        guard name != base else { return true }
        let suffix = name.dropFirst(base.count + 1)
        return (2...3).contains(suffix.count) && suffix.allSatisfy { $0.isASCII && $0.isLetter }
    }

    /// Whether the text holds a latitude and longitude with signs, as phones write them.
    private static func holdsPlace(_ value: String) -> Bool {
        value.firstMatch(of: /[+-]\d{2}(\d{2}){0,2}\.\d+[+-]\d{3}(\d{2}){0,2}\.\d+/) != nil
    }
}
