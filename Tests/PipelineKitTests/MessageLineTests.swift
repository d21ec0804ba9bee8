import Foundation
import PipelineKit
import PluginProtocol
import Testing

/// Lines between host and child: the fast path for service calls must read and write the same as the JSON coders.
@Suite struct MessageLineTests {
    private static let texts = [
        "note", "", "a b", "say \"hi\"", #"C:\clip"#, "tab\there", "Grüße", "🎬", "a/b", "{\"type\":\"result\"}",
        "\u{7F}",
        "\u{0}", "null", "12",
    ]
    private static let values: [JSONValue?] =
        texts.map { .string($0) } + [
            nil, .null, .bool(true), 0, -1, 7, 9_007_199_254_740_993, .integer(.max), .integer(.min), 0.5, 1e300,
            ["n": 1],
            [1, "two"], [],
        ]

    @Test func callsAreTheSameOnBothPaths() throws {
        for key in Self.texts {
            for value in Self.values {
                let message = ChildMessage.service(
                    ServiceCall(.checkpointSet, id: 3, request: key.count, key: key, value: value))
                let line = try message.line()
                #expect(line.last == UInt8(ascii: "\n") && line.filter { $0 == UInt8(ascii: "\n") }.count == 1)
                let read = try ChildMessage(line: line.dropLast())
                // A null is the same as no value.
                #expect(read == message || value == .null)
                #expect(try JSONDecoder().decode(ChildMessage.self, from: line) == read)
            }
        }
    }

    @Test func answersAreTheSameOnBothPaths() throws {
        let failures: [FailureMessage?] = [nil, FailureMessage(StageError(.busy, "not \"now\"", hint: "later"))]
        for value in Self.values {
            for failure in failures {
                let message = HostMessage.answer(ServiceAnswer(request: 12, value: value, error: failure))
                let line = try message.line()
                let read = try HostMessage(line: line.dropLast())
                #expect(read == message || value == .null)
                #expect(try JSONDecoder().decode(HostMessage.self, from: line) == read)
            }
        }
    }

    /// Lines of other programs, intact and damaged.
    @Test func anyLineIsReadAsJSONDecoderReadsIt() throws {
        let seeds = [
            #"{"type":"permit","id":1,"request":2,"key":"calls","value":3}"#,
            #"{"type":"secret","id":1,"request":2,"key":"calls","value":"12"}"#,
            #"{"type":"answer","request":5,"value":"x"}"#,
            #" { "key" : "a" , "request" : 10 , "id" : 0 , "type" : "checkpoint.get" } "#,
            #"{"type":"checkpoint.get","id":01,"request":2,"key":"a"}"#,
            #"{"type":"checkpoint.get","id":-0,"request":2.0,"key":"a"}"#,
            #"{"type":"checkpoint.get","id":1234567890123456789012,"request":2,"key":"a"}"#,
            #"{"type":"checkpoint.get","id":1,"request":2,"key":"\u00e9"}"#,
            #"{"type":"secret","id":1,"request":2,"key":5}"#,
            #"{"type":"answer","request":5,"value":"x","more":1}"#,
            #"{"type":"answer","request":5,"value":{"a":[1]},"error":null}"#,
            #"{"type":"answer","request":"5"}"#,
            #"{"type":"run","id":1}"#, #"{"type":"cancel","id":1}"#, #"{}"#, #"[]"#, #"{"type":"answer""#,
        ]
        var random = SystemRandomNumberGenerator()
        let alphabet = Array(#"{}[]":,\ 0123456789-.eEtrufalsn"#.utf8) + [0, 9, 13, 0x7F, 0xC3, 0xFF]
        for seed in seeds {
            for round in 0..<300 {
                var bytes = Array(seed.utf8)
                for _ in 0..<(round == 0 ? 0 : Int.random(in: 1...3, using: &random)) {
                    let index = Int.random(in: 0..<max(1, bytes.count), using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0 where !bytes.isEmpty: bytes.remove(at: index)
                    case 1: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: min(index, bytes.count))
                    default: if !bytes.isEmpty { bytes[index] = alphabet.randomElement(using: &random) ?? 0 }
                    }
                }
                let line = Data(bytes)
                let text = String(decoding: line, as: UTF8.self)
                #expect(
                    (try? ChildMessage(line: line)) == (try? JSONDecoder().decode(ChildMessage.self, from: line)),
                    "\(text)")
                #expect(
                    (try? HostMessage(line: line)) == (try? JSONDecoder().decode(HostMessage.self, from: line)),
                    "\(text)")
            }
        }
    }

    /// Reading time must not grow with the square of the number of members.
    @Test(.timeLimit(.minutes(1))) func readingTimeGrowsWithTheLengthOfALine() {
        for count in [9, 300_000] {
            let members = (0..<count).map { #""\#(String($0, radix: 16))":1"# }
            #expect(throws: (any Error).self) {
                try ChildMessage(line: Data("{\(members.joined(separator: ","))}".utf8))
            }
        }
    }

    @Test func valuesKeepTheirKinds() throws {
        let text = #"[null,true,false,0,1,-7,9007199254740993,1.5,1e3,"","1","true","null",[],[[]],{},{"a":{"b":[1]}}]"#
        let values: JSONValue = [
            nil, true, false, 0, 1, -7, 9_007_199_254_740_993, 1.5, 1000, "", "1", "true", "null", [], [[]], [:],
            ["a": ["b": [1]]],
        ]
        #expect(try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) == values)
        #expect(try JSONValue(encoding: values) == values)
    }
}
