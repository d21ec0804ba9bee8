/// Selects the metadata tags of a file that a delivery may keep.
package enum SafeTags {
    /// Tags that describe the content. An allowlist, so that places, persons, devices, programs, serial numbers and unknown
    /// vendor tags are dropped.
    private static let allowed: Set<String> = [
        "title", "comment", "description", "synopsis", "genre", "date", "language", "copyright", "show",
        "season_number",
        "episode_id", "episode_sort", "grouping", "keywords",
    ]

    /// Longest value that is kept, in characters.
    private static let maximumLength = 4000

    /// The tags that identify no person, place or device, with keys in lower case.
    ///
    /// Language variants (`title-eng`) keep their name. A date loses its time of day, and text that contains a location in
    /// ISO 6709 form (`+48.8577+002.295/`) is dropped.
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

    /// Whether the text contains a signed latitude and longitude, as phones write them.
    private static func holdsPlace(_ value: String) -> Bool {
        value.firstMatch(of: /[+-]\d{2}(\d{2}){0,2}\.\d+[+-]\d{3}(\d{2}){0,2}\.\d+/) != nil
    }
}
