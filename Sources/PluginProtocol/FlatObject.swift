package import Foundation
import PipelineKit

/// A JSON object of plain strings and integers, which is the form of most service calls and their answers.
///
/// `JSONDecoder` and `JSONEncoder` took two thirds of the time of a call, because their code is not in the caches of
/// the thread that wakes up for it. This type handles the simple lines. It returns nil for the others (nesting,
/// escapes, non-ASCII text, fractions, repeated names, many members), for which callers fall back to the coders.
struct FlatObject {
    private(set) var members: [(name: String, value: JSONValue)] = []

    /// Calls and answers have five at most. Kept small, because each name is compared with all before it.
    private static let mostMembers = 8

    init() {}

    subscript(name: String) -> JSONValue? { members.first { $0.name == name }?.value }

    mutating func put(_ name: String, _ value: JSONValue) { members.append((name, value)) }

    // MARK: Writing

    /// The object as a line, newline included; nil if a member is not plain.
    var line: Data? {
        var line = Data(capacity: 256)
        line.append(UInt8(ascii: "{"))
        for (name, value) in members {
            if line.count > 1 { line.append(UInt8(ascii: ",")) }
            guard Self.append(name, to: &line) else { return nil }
            line.append(UInt8(ascii: ":"))
            switch value {
            case .string(let text): guard Self.append(text, to: &line) else { return nil }
            case .integer(let number): line.append(contentsOf: "\(number)".utf8)
            case .null, .bool, .number, .array, .object: return nil
            }
        }
        line.append(contentsOf: "}\n".utf8)
        return line
    }

    private static func append(_ text: String, to line: inout Data) -> Bool {
        guard text.utf8.allSatisfy(isPlain) else { return false }
        line.append(UInt8(ascii: "\""))
        line.append(contentsOf: text.utf8)
        line.append(UInt8(ascii: "\""))
        return true
    }

    /// Whether a byte needs no escape in a JSON string.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    // MARK: Reading

    /// Parses a line without its newline; nil if it is not a plain object.
    init?(_ line: Data) {
        guard let members = line.withUnsafeBytes({ Self.members($0) }) else { return nil }
        self.members = members
    }

    private static func members(_ bytes: UnsafeRawBufferPointer) -> [(name: String, value: JSONValue)]? {
        var scanner = Scanner(bytes: bytes)
        var members: [(name: String, value: JSONValue)] = []
        guard scanner.skips("{") else { return nil }
        repeat {
            guard members.count < mostMembers, let name = scanner.text(), scanner.skips(":"),
                let value = scanner.value(),
                !members.contains(where: { $0.name == name })
            else { return nil }
            members.append((name, value))
        } while scanner.skips(",")
        return scanner.skips("}") && scanner.isAtEnd ? members : nil
    }

    private struct Scanner {
        let bytes: UnsafeRawBufferPointer
        private var position = 0

        init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

        private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

        var isAtEnd: Bool {
            mutating get {
                skipBlanks()
                return next == nil
            }
        }

        private mutating func skipBlanks() {
            while let byte = next, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == 0x0D {
                position += 1
            }
        }

        mutating func skips(_ mark: Unicode.Scalar) -> Bool {
            skipBlanks()
            guard next == UInt8(ascii: mark) else { return false }
            position += 1
            return true
        }

        mutating func text() -> String? {
            guard skips("\"") else { return nil }
            let start = position
            while let byte = next, FlatObject.isPlain(byte) { position += 1 }
            guard next == UInt8(ascii: "\"") else { return nil }
            defer { position += 1 }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }

        mutating func value() -> JSONValue? {
            skipBlanks()
            if next == UInt8(ascii: "\"") { return text().map(JSONValue.string) }
            let start = position
            var number: Int64 = 0
            // Eighteen digits always fit into 64 bits.
            while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), position - start < 18 {
                number = number * 10 + Int64(byte - UInt8(ascii: "0"))
                position += 1
            }
            let digits = position - start
            guard digits > 0, digits == 1 || bytes[start] != UInt8(ascii: "0") else { return nil }
            return .integer(number)
        }
    }
}

extension Encodable {
    /// The JSON of a message that is not plain as a line, newline included.
    fileprivate func codedLine() throws -> Data { try JSONEncoder().encode(self) + [UInt8(ascii: "\n")] }
}

extension ChildMessage {
    /// Decodes a message from a line.
    /// - Throws: `DecodingError` for an invalid message.
    package init(line: Data) throws {
        if let object = FlatObject(line), let question = ServiceMessage(object) {
            self = .service(question)
        } else {
            self = try JSONDecoder().decode(ChildMessage.self, from: line)
        }
    }

    /// Encodes the message as a line, newline included.
    /// - Throws: `EncodingError` for numbers that JSON can't represent.
    package func line() throws -> Data {
        if case .service(let question) = self, let line = question.object.line { return line }
        return try codedLine()
    }
}

extension HostMessage {
    /// Decodes a message from a line.
    /// - Throws: `DecodingError` for an invalid message.
    package init(line: Data) throws {
        if let object = FlatObject(line), let answer = ServiceAnswer(object) {
            self = .answer(answer)
        } else {
            self = try JSONDecoder().decode(HostMessage.self, from: line)
        }
    }

    /// Encodes the message as a line, newline included.
    /// - Throws: `EncodingError` for numbers that JSON can't represent.
    package func line() throws -> Data {
        if case .answer(let answer) = self, let line = answer.object?.line { return line }
        return try codedLine()
    }
}

extension ServiceMessage {
    fileprivate init?(_ object: FlatObject) {
        guard let service = object["type"]?.stringValue.flatMap(HostService.init(rawValue:)),
            case .integer(let id) = object["id"], case .integer(let request) = object["request"],
            let key = object["key"]?.stringValue
        else { return nil }
        self.init(service, id: Int(id), request: Int(request), key: key, value: object["value"])
    }

    fileprivate var object: FlatObject {
        var object = FlatObject()
        object.put("type", .string(service.rawValue))
        object.put("id", .integer(Int64(id)))
        object.put("request", .integer(Int64(request)))
        object.put("key", .string(key))
        if let value { object.put("value", value) }
        return object
    }
}

extension ServiceAnswer {
    fileprivate init?(_ object: FlatObject) {
        guard object["type"] == "answer", case .integer(let request) = object["request"], object["error"] == nil
        else { return nil }
        self.init(request: Int(request), value: object["value"])
    }

    /// Nil for errors, which are nested objects.
    fileprivate var object: FlatObject? {
        guard error == nil else { return nil }
        var object = FlatObject()
        object.put("type", "answer")
        object.put("request", .integer(Int64(request)))
        if let value { object.put("value", value) }
        return object
    }
}
