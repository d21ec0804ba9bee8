/// Hashtags to append to a post's title: `["launch", "behindthescenes"]`.
public struct Hashtags: OptionValue, Hashable {
    /// The tags, without the leading `#`.
    public var tags: [String]

    public init(_ tags: [String] = []) { self.tags = tags }

    public static var optionType: OptionType {
        OptionType(
            name: "hashtags",
            schema: [
                "type": ["array", "string"], "items": ["type": "string", "pattern": #"^#?[\p{L}\p{M}\p{N}_]+$"#],
                "examples": [["launch", "behindthescenes"]],
            ])
    }

    /// Parses a list of words, or one text with words separated by spaces or commas. Each may start with `#`. Drops
    /// duplicates, ignoring case.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Hashtags {
        let words: [String]
        switch value {
        case .string(let text): words = text.split { $0.isWhitespace || $0 == "," }.map(String.init)
        case .array(let elements):
            words = elements.compactMap(\.stringValue)
            guard words.count == elements.count else { throw .wrongType("a list of words", got: value) }
        default: throw .wrongType("a list of words", got: value)
        }
        var tags: [String] = []
        for word in words {
            let tag = word.hasPrefix("#") ? String(word.dropFirst()) : word
            guard !tag.isEmpty, tag.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) else {
                throw OptionProblem(
                    "wrong-type", "has \"\(word)\", but a hashtag is one word of letters, digits and _",
                    hint: "join the words, as in #behindthescenes")
            }
            if !tags.contains(where: { $0.lowercased() == tag.lowercased() }) { tags.append(tag) }
        }
        return Hashtags(tags)
    }

    public var optionJSON: JSONValue { .array(tags.map(JSONValue.string)) }

    /// Returns `title` followed by the tags that it does not contain yet.
    public func appended(to title: String) -> String {
        let present = Set(
            title.lowercased().split { $0.isWhitespace }.filter { $0.hasPrefix("#") }.map { $0.dropFirst() })
        let missing = tags.filter { !present.contains(Substring($0.lowercased())) }.map { "#" + $0 }
        return ([title] + missing).filter { !$0.isEmpty }.joined(separator: " ")
    }
}
