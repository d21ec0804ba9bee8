/// Damages a text as editors, people and attackers do.
struct TextMutator {
    private var random: SeededGenerator
    /// Texts to copy pieces from.
    private let others: [[UInt8]]
    /// The kind of each change, for the report.
    private(set) var steps: [String] = []

    init(random: SeededGenerator, others: [[UInt8]]) {
        self.random = random
        self.others = others
    }

    private enum Kind: CaseIterable {
        case flipBits, deleteToken, duplicateToken, swapTokens, replaceToken, truncate, nest, insert, number, splice
        case deleteLines, lineEnds, run, blanks
    }

    /// Syntax of parsers, substitution and checks, and rarely tested characters.
    private static let pieces = [
        "{", "}", "[", "]", ":", ",", "\"", "'", "\\", "#", "//", "- ", "? ", "---\n", "...\n", "&a ", "*a", "*a: ",
        "<<: *a", "!!binary ", "!<x]> ", "%YAML 1.1\n", "|\n", ">-\n", "\t", "\r", "\n", "\r\n", "\u{0}", "\u{7}",
        "\u{FEFF}", "\u{85}", "\u{2028}", "\u{2029}", "\u{202E}", "\u{200D}", "e\u{301}", "日本", "👩‍👩‍👧", "\u{FFFE}",
        "\\ud83d\\ude00", "\\ud83d", "\\u0000", "\\/", "${", "${X}", "${HOME}", "${A:-b}", "$${", "{{", "}}",
        "{{ name }}", "{{ x }}", "null", "true", "~", "\"\"", "{}", "[]", "\"uses\"", "\"with\"", "\"post\"",
        "\"stages\"", "\"title\"", "\"fields\"", "\"retry\": {\"attempts\": 1}", "\"timeout\": \"1s\"", "\"id\": \"x\"",
        "uses: probe\n", "/dev/zero", "~/x", "/tmp/x", "act.0123456789abcdef", "a://b:c@d", "\"overlay\"", "\"export\"",
        "\"inputs\": \"*\"", "PUBLIC_TO_EVERYONE", "\"mode\": \"inbox\"",
    ]
    private static let numbers = [
        "0", "-0", "-1", "1e308", "1e999", "-1e999", "9223372036854775807", "9223372036854775808",
        "99999999999999999999999999", "0.0000000000000001", "1.", ".5", "+1", "0x10", "0o7", "1_000", ".inf", ".nan",
        "1:30", "NaN", "\"1e30s\"", "\"99999999999999999999h\"", "\"9e99GB\"", "\"0:0\"", "\"1e9:1\"",
    ]

    /// Applies one change in half of the cases, otherwise up to four: slightly damaged text passes more of the checks.
    mutating func damage(_ bytes: inout [UInt8]) {
        for _ in 0..<([1, 1, 1, 2, 3, 4].randomElement(using: &random) ?? 1) {
            let kind = Kind.allCases.randomElement(using: &random) ?? .flipBits
            apply(kind, to: &bytes)
            steps.append("\(kind)")
        }
    }

    private mutating func apply(_ kind: Kind, to bytes: inout [UInt8]) {
        switch kind {
        case .flipBits: flipBits(of: &bytes)
        case .deleteToken, .duplicateToken, .swapTokens, .replaceToken, .number: changeTokens(kind, of: &bytes)
        case .truncate: bytes.removeLast(bytes.isEmpty ? 0 : Int.random(in: 0..<bytes.count, using: &random))
        case .nest: nest(&bytes)
        case .insert: bytes.insert(contentsOf: piece(), at: Int.random(in: 0...bytes.count, using: &random))
        case .splice: splice(into: &bytes)
        case .deleteLines:
            var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            lines.remove(at: Int.random(in: lines.indices, using: &random))
            bytes = Array(lines.joined(separator: [10]))
        case .lineEnds:
            let end = [[13, 10], [13], [0xE2, 0x80, 0xA8], []].randomElement(using: &random) ?? []
            bytes = bytes.flatMap { $0 == 10 ? end.map(UInt8.init) : [$0] }
        case .run: insertRun(into: &bytes)
        case .blanks: insertBlanks(into: &bytes)
        }
    }

    private mutating func flipBits(of bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        }
    }

    private mutating func changeTokens(_ kind: Kind, of bytes: inout [UInt8]) {
        let tokens = Self.tokens(of: bytes)
        guard let token = tokens.randomElement(using: &random) else { return }
        switch kind {
        case .duplicateToken:
            guard let target = tokens.randomElement(using: &random) else { return }
            bytes.insert(contentsOf: Array(bytes[token]), at: target.lowerBound)
        case .swapTokens:
            guard let other = tokens.randomElement(using: &random), other != token else { return }
            let (first, second) = token.lowerBound < other.lowerBound ? (token, other) : (other, token)
            let (left, right) = (Array(bytes[first]), Array(bytes[second]))
            bytes.replaceSubrange(second, with: left)
            bytes.replaceSubrange(first, with: right)
        case .replaceToken: bytes.replaceSubrange(token, with: piece())
        case .number:
            bytes.replaceSubrange(token, with: Array((Self.numbers.randomElement(using: &random) ?? "0").utf8))
        default: bytes.removeSubrange(token)
        }
    }

    /// Inserts the start of a nested value up to 20,000 times.
    private mutating func nest(_ bytes: inout [UInt8]) {
        let offset = Int.random(in: 0...bytes.count, using: &random)
        let count = [1, 2, 3, 5, 99, 101, 101, 1001, 20_000].randomElement(using: &random) ?? 3
        let text = ["[", "{\"a\":", "- ", "[\"]\",", "? ", "{[", "a:\n "].randomElement(using: &random) ?? "["
        bytes.insert(contentsOf: Array(repeating: Array(text.utf8), count: count).flatMap { $0 }, at: offset)
    }

    private mutating func splice(into bytes: inout [UInt8]) {
        guard let other = others.randomElement(using: &random), !other.isEmpty else { return }
        let start = Int.random(in: other.indices, using: &random)
        let end = Int.random(in: start...min(other.count, start + 400), using: &random)
        bytes.insert(contentsOf: other[start..<end], at: Int.random(in: 0...bytes.count, using: &random))
    }

    /// Inserts a long run of one character, which reveals code that takes quadratic time.
    private mutating func insertRun(into bytes: inout [UInt8]) {
        let signs = ["*", "{", "}", "a", "0", "\\", "$", "-", "?", ":", "#", "\"", "@", "/", ".", "é", "\u{301}"]
        let sign = signs.randomElement(using: &random) ?? "a"
        let run = Array(String(repeating: sign, count: 20_000).utf8)
        bytes.insert(contentsOf: run, at: Int.random(in: 0...bytes.count, using: &random))
    }

    private mutating func insertBlanks(into bytes: inout [UInt8]) {
        let blank = ([32, 9] as [UInt8]).randomElement(using: &random) ?? 32
        let start = ["", "{{", "*a", "]", "\"{{"].randomElement(using: &random) ?? ""
        let run: [UInt8] = Array(start.utf8) + Array(repeating: blank, count: 20_000)
        bytes.insert(contentsOf: run, at: Int.random(in: 0...bytes.count, using: &random))
    }

    private mutating func piece() -> [UInt8] { Array((Self.pieces.randomElement(using: &random) ?? "").utf8) }

    /// Splits into words, runs of whitespace, and single punctuation characters.
    private static func tokens(of bytes: [UInt8]) -> [Range<Int>] {
        func kind(_ byte: UInt8) -> Int {
            switch byte {
            case 48...57, 65...90, 97...122, 95, 128...: 1
            case 9, 10, 13, 32: 2
            default: 3
            }
        }
        var tokens: [Range<Int>] = []
        var start = 0
        for index in bytes.indices.dropFirst() where kind(bytes[index]) == 3 || kind(bytes[index]) != kind(bytes[start])
        {
            tokens.append(start..<index)
            start = index
        }
        if !bytes.isEmpty { tokens.append(start..<bytes.count) }
        return tokens
    }
}
