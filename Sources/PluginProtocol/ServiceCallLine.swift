package import Foundation
import PipelineKit

// Service calls and their answers have a fast path without the JSON coders, which took two thirds of the time of a call:
// their code is not in the caches of the thread that wakes up for a line. The fast path writes and reads one form only,
// with members in this order, plain strings and integers. All other lines take the coders.

extension ChildMessage {
    /// Decodes a message from a line.
    /// - Throws: `DecodingError` for an invalid message.
    package init(line: Data) throws {
        if let call = ServiceCall(plainLine: line) {
            self = .service(call)
        } else {
            self = try JSONDecoder().decode(ChildMessage.self, from: line)
        }
    }

    /// Encodes the message as a line, newline included.
    /// - Throws: `EncodingError` for numbers that JSON can't represent.
    package func line() throws -> Data {
        if case .service(let call) = self, let line = call.plainLine { return line }
        return try JSONEncoder().encode(self) + [UInt8(ascii: "\n")]
    }
}

extension HostMessage {
    /// Decodes a message from a line.
    /// - Throws: `DecodingError` for an invalid message.
    package init(line: Data) throws {
        if let answer = ServiceAnswer(plainLine: line) {
            self = .answer(answer)
        } else {
            self = try JSONDecoder().decode(HostMessage.self, from: line)
        }
    }

    /// Encodes the message as a line, newline included.
    /// - Throws: `EncodingError` for numbers that JSON can't represent.
    package func line() throws -> Data {
        if case .answer(let answer) = self, let line = answer.plainLine { return line }
        return try JSONEncoder().encode(self) + [UInt8(ascii: "\n")]
    }
}

extension ServiceCall {
    fileprivate var plainLine: Data? {
        guard let key = JSONValue.string(key).plainText, let value = value.plainMember else { return nil }
        return Data(#"{"type":"\#(service.rawValue)","id":\#(id),"request":\#(request),"key":\#(key)\#(value)}"#.utf8)
            + [UInt8(ascii: "\n")]
    }

    fileprivate init?(plainLine line: Data) {
        let call = line.withUnsafeBytes { bytes -> ServiceCall? in
            var reader = PlainLineReader(bytes)
            guard reader.skip(#"{"type":"#), let service = reader.text().flatMap(HostService.init(rawValue:)),
                reader.skip(#","id":"#), let id = reader.integer(),
                reader.skip(#","request":"#), let request = reader.integer(),
                reader.skip(#","key":"#), let key = reader.text(),
                case .end(let value) = reader.end()
            else { return nil }
            return ServiceCall(service, id: id, request: request, key: key, value: value)
        }
        guard let call else { return nil }
        self = call
    }
}

extension ServiceAnswer {
    fileprivate var plainLine: Data? {
        guard error == nil, let value = value.plainMember else { return nil }
        return Data(#"{"type":"answer","request":\#(request)\#(value)}"#.utf8) + [UInt8(ascii: "\n")]
    }

    fileprivate init?(plainLine line: Data) {
        let answer = line.withUnsafeBytes { bytes -> ServiceAnswer? in
            var reader = PlainLineReader(bytes)
            guard reader.skip(#"{"type":"answer","request":"#), let request = reader.integer(),
                case .end(let value) = reader.end()
            else { return nil }
            return ServiceAnswer(request: request, value: value)
        }
        guard let answer else { return nil }
        self = answer
    }
}

extension JSONValue {
    /// The JSON of an integer, or of a string that needs no escapes; otherwise nil.
    fileprivate var plainText: String? {
        switch self {
        case .integer(let number): "\(number)"
        case .string(let text): text.utf8.allSatisfy(\.isPlain) ? "\"\(text)\"" : nil
        case .null, .bool, .number, .array, .object: nil
        }
    }
}

extension JSONValue? {
    /// The member `value` of a line: empty if there is no value, nil if the value is not plain.
    fileprivate var plainMember: String? {
        guard let value = self else { return "" }
        return value.plainText.map { #","value":\#($0)"# }
    }
}

extension UInt8 {
    /// Whether the byte needs no escape in a JSON string and is ASCII.
    fileprivate var isPlain: Bool {
        self >= 0x20 && self < 0x7F && self != UInt8(ascii: "\"") && self != UInt8(ascii: "\\")
    }
}

/// Reads a line of the plain form from its start. Each method returns nil or false at any other form.
private struct PlainLineReader {
    enum End {
        case end(value: JSONValue?)
        case otherForm
    }

    private var rest: Slice<UnsafeRawBufferPointer>

    init(_ line: UnsafeRawBufferPointer) { rest = line[...] }

    mutating func skip(_ text: String) -> Bool {
        guard rest.starts(with: text.utf8) else { return false }
        rest.removeFirst(text.utf8.count)
        return true
    }

    mutating func text() -> String? {
        guard skip("\""), let end = rest.firstIndex(where: { !$0.isPlain }), rest[end] == UInt8(ascii: "\"") else {
            return nil
        }
        defer { rest = rest[(end + 1)...] }
        return String(decoding: rest[..<end], as: UTF8.self)
    }

    mutating func integer() -> Int? {
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        // Eighteen digits always fit into 64 bits. JSON has no leading zeros.
        guard (1...18).contains(digits.count), digits.count == 1 || digits.first != UInt8(ascii: "0") else {
            return nil
        }
        rest = rest[digits.endIndex...]
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    /// Reads the optional member `value` and the end of the line.
    mutating func end() -> End {
        var value: JSONValue?
        if skip(#","value":"#) {
            let isText = rest.first == UInt8(ascii: "\"")
            value = isText ? text().map(JSONValue.string) : integer().map { .integer(Int64($0)) }
            guard value != nil else { return .otherForm }
        }
        return skip("}") && rest.isEmpty ? .end(value: value) : .otherForm
    }
}
