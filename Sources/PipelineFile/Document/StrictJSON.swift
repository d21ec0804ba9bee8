/// Finds the first violation of the JSON grammar (RFC 8259), because the YAML parser accepts more than JSON.
struct StrictJSON {
    /// A violation and its location. Lines and columns count from 1, columns in Unicode scalars.
    struct Problem: Error {
        var line: Int
        var column: Int
        var message: String
        var hint: String?
    }

    private let scalars: [Unicode.Scalar]
    private let deepest: Int
    private var index = 0
    private var depth = 0

    private init(_ text: String, deepest: Int) {
        scalars = Array(text.unicodeScalars)
        self.deepest = deepest
    }

    /// The first violation in `text`, including nesting deeper than `deepest` levels; nil if there is none.
    static func firstProblem(in text: String, deepest: Int) -> Problem? {
        var reader = StrictJSON(text, deepest: deepest)
        do throws(Problem) {
            try reader.value()
            reader.skipSpace()
            if reader.peek != nil { throw reader.problem("unexpected text after the end") }
            return nil
        } catch {
            return error
        }
    }

    private var peek: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    /// The hint for syntax that YAML accepts.
    static let yaml = "YAML accepts this: to use it, rename the file to .yaml"

    private func problem(_ message: String, hint: String? = nil, at offset: Int? = nil) -> Problem {
        let place = SourceLines(scalars).place(of: offset ?? index)
        return Problem(
            line: place.line, column: place.column, message: "not valid JSON: \(message)", hint: hint)
    }

    /// A duplicate key. JSON permits it, but one of the two values would be lost.
    private func twice(_ key: String, first: Int, second: Int) -> Problem {
        let lines = SourceLines(scalars)
        let (place, line) = (lines.place(of: second), lines.place(of: first).line)
        return Problem(
            line: place.line, column: place.column,
            message:
                "the key \"\(key)\" occurs twice in one object\(line == place.line ? "" : ", first in line \(line)")",
            hint: "remove one of them")
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
        case "#", "/": throw problem("JSON does not support comments", hint: Self.yaml)
        case "'": throw problem("text must be in double quotes", hint: Self.yaml)
        default: try word()
        }
    }

    private mutating func list(until end: Unicode.Scalar, isObject: Bool) throws(Problem) {
        depth += 1
        defer { depth -= 1 }
        guard depth <= deepest else {
            let place = SourceLines(scalars).place(of: index)
            throw Problem(
                line: place.line, column: place.column, message: "nested more than \(deepest) levels deep",
                hint: "a pipeline file needs no more than six")
        }
        index += 1
        skipSpace()
        if peek == end {
            index += 1
            return
        }
        var keys: [String: Int] = [:]
        var comma: Int?
        while true {
            if isObject {
                skipSpace()
                if peek == end, let comma { throw problem("trailing comma", hint: Self.yaml, at: comma) }
                if peek == "#" || peek == "/" { throw problem("JSON does not support comments", hint: Self.yaml) }
                guard peek == "\"" else {
                    throw problem(
                        peek == nil ? "\"\(end)\" is missing" : "a key must be in double quotes", hint: Self.yaml)
                }
                let start = index
                try string()
                let key = String(String.UnicodeScalarView(scalars[(start + 1)..<(index - 1)]))
                if let first = keys.updateValue(start, forKey: key) {
                    throw twice(key, first: first, second: start)
                }
                skipSpace()
                guard peek == ":" else { throw problem("\":\" is missing after the key") }
                index += 1
            } else {
                skipSpace()
                if peek == end, let comma { throw problem("trailing comma", hint: Self.yaml, at: comma) }
            }
            try value()
            let valueEnd = index
            skipSpace()
            if peek == end {
                index += 1
                return
            }
            if peek == "#" || peek == "/" { throw problem("JSON does not support comments", hint: Self.yaml) }
            // Report the place where the comma belongs, which may be lines above the next token.
            guard peek == "," else { throw problem("\",\" or \"\(end)\" is missing", at: valueEnd) }
            comma = index
            index += 1
        }
    }

    private mutating func string() throws(Problem) {
        let start = index
        index += 1
        while let next = peek {
            index += 1
            if next == "\"" { return }
            if next.value < 0x20 {
                index -= 1
                let isBreak = next == "\n" || next == "\r"
                throw problem(
                    isBreak ? "the closing quote is missing" : "text contains a control character",
                    hint: isBreak
                        ? "write a line break in text as \\n" : "write it as \\u and four hexadecimal digits")
            }
            if next == "\\" { try escape() }
        }
        let line = SourceLines(scalars).place(of: start).line
        throw problem("the closing quote is missing", hint: "the text begins in line \(line)")
    }

    /// Consumes the rest of an escape after its backslash.
    private mutating func escape() throws(Problem) {
        guard let next = peek else { return }
        guard "\"\\/bfnrtu".unicodeScalars.contains(next) else {
            index -= 1
            throw problem("\"\\\(next)\" is not a valid escape", hint: "write \\\\ for a backslash")
        }
        let digits = scalars[(index + 1)...].prefix(4)
        if next == "u", digits.count < 4 || !digits.allSatisfy(\.properties.isASCIIHexDigit) {
            index -= 1
            throw problem("\"\\u\" takes four hexadecimal digits")
        }
        index += 1
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
            throw problem("text must be in double quotes", hint: Self.yaml)
        }
    }
}
