/// Finds the first place at which a text is not JSON (RFC 8259), for files that the YAML parser has let pass.
struct StrictJSON {
    /// A place and what is wrong there. Line and column count from 1, columns in Unicode scalars.
    struct Problem: Error {
        var line: Int
        var column: Int
        var message: String
    }

    private let scalars: [Unicode.Scalar]
    private var index = 0

    private init(_ text: String) { scalars = Array(text.unicodeScalars) }

    /// The first problem of `text`, nil when it is JSON. The caller bounds the nesting.
    static func firstProblem(in text: String) -> Problem? {
        var reader = StrictJSON(text)
        do throws(Problem) {
            try reader.value()
            reader.skipSpace()
            if reader.peek != nil { throw reader.problem("something follows the end") }
            return nil
        } catch {
            return error
        }
    }

    private var peek: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private func problem(_ message: String) -> Problem {
        let before = scalars[..<min(index, scalars.count)]
        let start = before.lastIndex(of: "\n").map { $0 + 1 } ?? 0
        return Problem(line: before.count { $0 == "\n" } + 1, column: before.count - start + 1, message: message)
    }

    private mutating func skipSpace() {
        while let next = peek, next == " " || next == "\t" || next == "\n" || next == "\r" || next == "\u{FEFF}" {
            index += 1
        }
    }

    private mutating func value() throws(Problem) {
        skipSpace()
        switch peek {
        case "{": try list(until: "}", isObject: true)
        case "[": try list(until: "]", isObject: false)
        case "\"": try string()
        case nil: throw problem("a value is missing at the end")
        case "#", "/": throw problem("JSON has no comments")
        case "'": throw problem("text stands between double quotes")
        default: try word()
        }
    }

    private mutating func list(until end: Unicode.Scalar, isObject: Bool) throws(Problem) {
        index += 1
        skipSpace()
        if peek == end {
            index += 1
            return
        }
        while true {
            if isObject {
                skipSpace()
                guard peek == "\"" else {
                    throw problem(peek == end ? "a comma before the end" : "a key stands between double quotes")
                }
                try string()
                skipSpace()
                guard peek == ":" else { throw problem("\":\" is missing after the key") }
                index += 1
            } else {
                skipSpace()
                if peek == end { throw problem("a comma before the end") }
            }
            try value()
            skipSpace()
            if peek == end {
                index += 1
                return
            }
            guard peek == "," else { throw problem("\",\" or \"\(end)\" is missing") }
            index += 1
        }
    }

    private mutating func string() throws(Problem) {
        index += 1
        while let next = peek {
            index += 1
            if next == "\"" { return }
            if next.value < 0x20 { throw problem("a line break or control character in text") }
            if next == "\\" { index += 1 }
        }
        throw problem("the closing quote is missing")
    }

    private mutating func word() throws(Problem) {
        let start = index
        while let next = peek,
            next.properties.isAlphabetic || next.properties.numericType != nil || "+-.".unicodeScalars.contains(next)
        {
            index += 1
        }
        let text = String(String.UnicodeScalarView(scalars[start..<index]))
        let isNumber = text.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/) != nil
        guard isNumber || ["true", "false", "null"].contains(text) else {
            index = start
            throw problem("text stands between double quotes")
        }
    }
}
