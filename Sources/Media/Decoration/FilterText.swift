/// Text as the value of a filter's option, whatever it holds: it can end neither the option nor the filter.
enum FilterText {
    /// Escaped for both readers: the one of options, and the one of graphs, which reads first.
    static func value(_ text: String) -> String {
        escaped(escaped(text, special: "\\':"), special: "\\'[],;")
    }

    private static func escaped(_ text: String, special: String) -> String {
        var result = ""
        // By scalars: "\r\n" is one character.
        for scalar in text.unicodeScalars {
            // Space at either end would be trimmed.
            if special.unicodeScalars.contains(scalar) || " \t\r\n".unicodeScalars.contains(scalar) {
                result.append("\\")
            }
            result.unicodeScalars.append(scalar)
        }
        return result
    }
}
