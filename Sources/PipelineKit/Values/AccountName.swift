/// What people may call an account: safe in commands, pages and messages.
package enum AccountName {
    /// The longest name.
    private static let longest = 64

    /// Whether a text is such a name: letters, digits, dots, dashes and underscores.
    package static func isValid(_ text: String) -> Bool {
        (1...longest).contains(text.count)
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
    }
}
