/// What a text would ask of the YAML parser, found without it.
enum Nesting {
    /// More aliases than a file whose keys hold aliases may have.
    private static let mostAliases = 20

    /// About where `text` gets deeper than `limit`: brackets in quotes count, too.
    static func place(in text: String, deeperThan limit: Int) -> (line: Int, column: Int) {
        var (depth, dashes, isLineStart) = (0, 0, true)
        for (index, scalar) in text.unicodeScalars.enumerated() {
            switch scalar {
            case "[", "{": depth += 1
            case "]", "}": depth = max(0, depth - 1)
            case "\n", "\r": (dashes, isLineStart) = (0, true)
            case "-", "?": if isLineStart { dashes += 1 }
            case " ": break
            default: isLineStart = false
            }
            if depth + dashes > limit { return SourceLines(text).place(of: index) }
        }
        return (1, 1)
    }

    /// Where a key may be a list, an object or an alias, in a file whose aliases could make it grow beyond measure.
    ///
    /// The parser compares keys by all that is in them, and with aliases that can be more than any time suffices for.
    static func aliasedKey(in text: String) -> (line: Int, column: Int)? {
        guard text.contains("*") else { return nil }
        let aliases = text.matches(of: /(?:^|[\s\[{,:?])\*[^\s,\[\]{}]/.anchorsMatchLineEndings()).count
        // An alias stands behind a boundary, and one with a longer name is taken for a key: from each place only so much
        // is looked at.
        let keys =
            /(?:^|[\s\[{,])\?\s|(?:^|[\s\[{,:?])\*(?:[^\s,\[\]{}]{200}|[^\s,\[\]{}]{1,200}[ \t]*:)|[\]}][ \t]*:/
            .anchorsMatchLineEndings()
        guard aliases > mostAliases, let key = text.firstMatch(of: keys) else { return nil }
        // What stands before the sign is not it.
        let blank = text[key.range].prefix { !"?*]}".contains($0) }.unicodeScalars.count
        return SourceLines(text).place(of: text[..<key.range.lowerBound].unicodeScalars.count + blank)
    }
}
