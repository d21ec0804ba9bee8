/// Quotes words for commands that hints suggest.
package enum ShellWord {
    /// The text quoted as one word of a POSIX shell, or unquoted where it needs no quotes.
    package static func of(_ text: String) -> String {
        let isPlain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._/-+,@:=".contains($0)) }
        return isPlain && !text.isEmpty ? text : "'" + text.replacing("'", with: "'\\''") + "'"
    }
}
