/// Scans YAML text for constructs that would make the YAML parser too slow or hide the location of an error.
enum Nesting {
    /// The most aliases that a file may have if a key may contain aliases.
    private static let mostAliases = 20

    /// The approximate position where `text` nests deeper than `limit`. Brackets in quotes count as well.
    static func position(in text: String, deeperThan limit: Int) -> TextPosition {
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
            if depth + dashes > limit { return SourceLines(text).position(at: index) }
        }
        return .start
    }

    /// The position of the first key that may be a list, an object or an alias, in a file with many aliases; else nil.
    ///
    /// The parser compares keys deeply, and nested aliases can make that take exponential time.
    static func aliasedKey(in text: String) -> TextPosition? {
        guard text.contains("*") else { return nil }
        let aliases = text.matches(of: /(?:^|[\s\[{,:?])\*[^\s,\[\]{}]/.anchorsMatchLineEndings()).count
        // An alias follows a boundary. An alias name of 200 characters counts as a key, which bounds the matching at
        // each position.
        let keys =
            /(?:^|[\s\[{,])\?\s|(?:^|[\s\[{,:?])\*(?:[^\s,\[\]{}]{200}|[^\s,\[\]{}]{1,200}[ \t]*:)|[\]}][ \t]*:/
            .anchorsMatchLineEndings()
        guard aliases > mostAliases, let key = text.firstMatch(of: keys) else { return nil }
        // Skip the boundary in front of the key.
        let boundary = text[key.range].prefix { !"?*]}".contains($0) }.unicodeScalars.count
        return SourceLines(text).position(at: text[..<key.range.lowerBound].unicodeScalars.count + boundary)
    }
}
