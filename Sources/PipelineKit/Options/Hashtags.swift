/// Hashtags that are put behind the title: `["launch", "behindthescenes"]`.
public struct Hashtags: OptionValue, Hashable {
    /// The tags without their sign.
    public var tags: [String]

    /// Hashtags.
    public init(_ tags: [String] = []) { self.tags = tags }

    /// A list of words, with or without their sign.
    public static var optionType: OptionType {
        OptionType(
            name: "hashtags",
            schema: [
                "type": ["array", "string"], "items": ["type": "string", "pattern": #"^#?[\p{L}\p{M}\p{N}_]+$"#],
                "examples": [["launch", "behindthescenes"]],
            ])
    }

    /// Reads a list, or words in one text.
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
                    "wrong-type", "has \"\(word)\", and a hashtag is one word of letters, digits and _",
                    hint: "write words together, such as #behindthescenes")
            }
            if !tags.contains(where: { $0.lowercased() == tag.lowercased() }) { tags.append(tag) }
        }
        return Hashtags(tags)
    }

    /// As a list.
    public var optionJSON: JSONValue { .array(tags.map(JSONValue.string)) }

    /// A title with the tags behind it, but for those that it has already.
    public func appended(to title: String) -> String {
        let present = Set(
            title.lowercased().split { $0.isWhitespace }.filter { $0.hasPrefix("#") }.map { $0.dropFirst() })
        let missing = tags.filter { !present.contains(Substring($0.lowercased())) }.map { "#" + $0 }
        return ([title] + missing).filter { !$0.isEmpty }.joined(separator: " ")
    }
}
