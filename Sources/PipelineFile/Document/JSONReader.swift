import PipelineKit

/// Parses JSON (RFC 8259) into nodes that carry their source locations. Rejects duplicate keys, as one of the two values
/// would be lost.
struct JSONReader {
    private let file: String
    private let scalars: [Unicode.Scalar]
    private let lines: SourceLines
    private var index = 0
    private var depth = 0
    private var budget = DocumentLimits.nodes

    private init(_ text: String, file: String) {
        self.file = file
        scalars = Array(text.unicodeScalars)
        lines = SourceLines(scalars)
    }

    static func read(_ text: String, file: String) throws(SyntaxProblem) -> DocumentNode {
        var reader = JSONReader(text, file: file)
        let root = try reader.value()
        reader.skipSpace()
        guard reader.peek == nil else { throw reader.problem("unexpected text after the end") }
        return root
    }

    private var peek: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private mutating func skipSpace() {
        while let next = peek, next == " " || next == "\t" || next == "\n" || next == "\r" || next == "\u{FEFF}" {
            index += 1
        }
    }

    private func location(at offset: Int) -> SourcePosition {
        let position = lines.position(at: offset)
        return SourcePosition(file: file, line: position.line, column: position.column)
    }

    // MARK: Problems

    private func problem(_ message: String, hint: String? = nil, at offset: Int? = nil) -> SyntaxProblem {
        SyntaxProblem("not valid JSON: \(message)", hint: hint, at: lines.position(at: offset ?? index))
    }

    /// A problem with syntax that YAML accepts.
    private func yaml(_ message: String, at offset: Int? = nil) -> SyntaxProblem {
        problem(message, hint: SyntaxProblem.yamlHint, at: offset)
    }

    private func duplicate(_ key: String, first: Int, second: Int) -> SyntaxProblem {
        let (position, line) = (lines.position(at: second), lines.position(at: first).line)
        return SyntaxProblem(
            "the key \"\(key)\" occurs twice in one object\(line == position.line ? "" : ", first in line \(line)")",
            hint: "remove one of them", at: position)
    }

    private func rejectComment() throws(SyntaxProblem) {
        if peek == "#" || peek == "/" { throw yaml("JSON does not support comments") }
    }

    // MARK: Values

    private mutating func value() throws(SyntaxProblem) -> DocumentNode {
        skipSpace()
        try rejectComment()
        let location = location(at: index)
        budget -= 1
        guard budget > 0 else { throw .tooManyNodes(at: lines.position(at: index)) }
        switch peek {
        case "{": return .mapping(try members(), location)
        case "[":
            return .list(
                try elements(until: "]") { (reader) throws(SyntaxProblem) in try reader.value() }, location)
        case "\"": return .scalar(.string(try string()), location)
        case "'": throw yaml("text must be in double quotes")
        case nil: throw problem("a value is missing at the end")
        default: return .scalar(try literal(), location)
        }
    }

    private mutating func members() throws(SyntaxProblem) -> [DocumentNode.Member] {
        var offsets: [String: Int] = [:]
        return try elements(until: "}") { (reader) throws(SyntaxProblem) in
            try reader.rejectComment()
            guard let next = reader.peek else { throw reader.yaml("\"}\" is missing") }
            guard next == "\"" else { throw reader.yaml("a key must be in double quotes") }
            let start = reader.index
            let key = try reader.string()
            if let first = offsets.updateValue(start, forKey: key) {
                throw reader.duplicate(key, first: first, second: start)
            }
            reader.skipSpace()
            guard reader.peek == ":" else { throw reader.problem("\":\" is missing after the key") }
            reader.index += 1
            return DocumentNode.Member(key: key, keyLocation: reader.location(at: start), value: try reader.value())
        }
    }

    /// Reads the elements of a list or an object, from its opening to its closing bracket.
    private mutating func elements<Element>(
        until end: Unicode.Scalar, read: (inout JSONReader) throws(SyntaxProblem) -> Element
    ) throws(SyntaxProblem) -> [Element] {
        depth += 1
        defer { depth -= 1 }
        guard depth <= DocumentLimits.depth else { throw .tooDeep(at: lines.position(at: index)) }
        var elements: [Element] = []
        index += 1
        skipSpace()
        while peek != end {
            elements.append(try read(&self))
            // The place where a missing comma belongs, which may be lines above the next token.
            let elementEnd = index
            skipSpace()
            if peek == end { break }
            try rejectComment()
            guard peek == "," else { throw problem("\",\" or \"\(end)\" is missing", at: elementEnd) }
            let comma = index
            index += 1
            skipSpace()
            if peek == end { throw yaml("trailing comma", at: comma) }
        }
        index += 1
        return elements
    }

    private mutating func literal() throws(SyntaxProblem) -> JSONValue {
        let start = index
        while let next = peek,
            next.properties.isAlphabetic || next.properties.numericType != nil || "+-.".unicodeScalars.contains(next)
        {
            index += 1
        }
        let text = String(String.UnicodeScalarView(scalars[start..<index]))
        switch text {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null": return .null
        default:
            guard text.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/) != nil else {
                throw yaml("text must be in double quotes", at: start)
            }
            return Self.number(text) ?? .string(text)
        }
    }

    /// The value of a number; nil if it is out of range or the text is no number.
    static func number(_ text: String) -> JSONValue? {
        if let integer = Int64(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else { return nil }
        return .number(number)
    }

    // MARK: Text

    private mutating func string() throws(SyntaxProblem) -> String {
        let start = index
        index += 1
        var text = String.UnicodeScalarView()
        while let next = peek {
            switch next {
            case "\"":
                index += 1
                return String(text)
            case "\\":
                if let scalar = try escape() { text.append(scalar) }
            case "\n", "\r":
                throw problem("the closing quote is missing", hint: "write a line break in text as \\n")
            case _ where next.value < 0x20:
                throw problem(
                    "text contains a control character", hint: "write it as \\u and four hexadecimal digits")
            case "\u{7F}"..."\u{84}", "\u{86}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}":
                throw .disallowed(next.value, at: lines.position(at: index))
            default:
                text.append(next)
                index += 1
            }
        }
        let line = lines.position(at: start).line
        throw problem("the closing quote is missing", hint: "the text begins in line \(line)")
    }

    /// Reads an escape; nil if the file ends after its backslash.
    private mutating func escape() throws(SyntaxProblem) -> Unicode.Scalar? {
        let start = index
        index += 1
        guard let next = peek else { return nil }
        index += 1
        switch next {
        case "\"", "\\", "/": return next
        case "b": return "\u{8}"
        case "f": return "\u{C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "u": return try unicodeEscape(from: start)
        default: throw problem("\"\\\(next)\" is not a valid escape", hint: "write \\\\ for a backslash", at: start)
        }
    }

    /// Reads the digits of `\uXXXX`, and the second half of a surrogate pair.
    private mutating func unicodeEscape(from start: Int) throws(SyntaxProblem) -> Unicode.Scalar {
        let unit = try codeUnit(from: start)
        if let scalar = Unicode.Scalar(unit) { return scalar }
        let second = index
        if UTF16.isLeadSurrogate(unit), scalars[second...].starts(with: ["\\", "u"]) {
            index += 2
            let trail = try codeUnit(from: second)
            if UTF16.isTrailSurrogate(trail) { return UTF16.decode(UTF16.EncodedScalar([unit, trail])) }
        }
        throw problem(
            "\"\\u\(String(unit, radix: 16))\" is only half of a character",
            hint: "write both escapes of the surrogate pair", at: start)
    }

    /// Reads the four hexadecimal digits of the escape that begins at `start`.
    private mutating func codeUnit(from start: Int) throws(SyntaxProblem) -> UInt16 {
        let digits = scalars[index...].prefix(4)
        guard digits.count == 4, digits.allSatisfy(\.properties.isASCIIHexDigit),
            let unit = UInt16(String(String.UnicodeScalarView(digits)), radix: 16)
        else { throw problem("\"\\u\" takes four hexadecimal digits", at: start) }
        index += 4
        return unit
    }
}
