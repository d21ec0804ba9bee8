/// Escapes arbitrary text as the value of a filter option, so that it can't end the option or the filter.
enum FilterText {
    /// Escapes twice: for the parser of options, then for the parser of graphs, which runs first.
    static func value(_ text: String) -> String {
        escaped(escaped(text, special: "\\':"), special: "\\'[],;")
    }

    private static func escaped(_ text: String, special: String) -> String {
        var result = ""
        // Iterate over scalars: "\r\n" is one character.
        for scalar in text.unicodeScalars {
            // FFmpeg trims unescaped whitespace at both ends.
            if special.unicodeScalars.contains(scalar) || " \t\r\n".unicodeScalars.contains(scalar) {
                result.append("\\")
            }
            result.unicodeScalars.append(scalar)
        }
        return result
    }
}
