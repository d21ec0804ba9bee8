/// The rules for names of accounts, which make them safe in commands, pages and messages.
package enum AccountName {
    private static let longest = 64

    /// Whether a name is valid: at most 64 ASCII letters, digits, dots, dashes and underscores.
    package static func isValid(_ text: String) -> Bool {
        (1...longest).contains(text.count)
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
    }
}
