/// Decodes a struct of `@StageOption` properties. Each property keeps its declaration (default, range, documentation)
/// and takes its value from the pipeline file.
///
/// Supports only the calls that the synthesised `init(from:)` of such a struct makes; all others throw.
struct OptionsDecoder: Decoder {
    let object: [String: JSONValue]
    let defaults: [String: any AnyStageOption]
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Container<Key>(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw unsupported(at: []) }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw unsupported(at: []) }

    struct Container<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let decoder: OptionsDecoder
        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { decoder.defaults.keys.compactMap { Key(stringValue: $0) } }

        func contains(_ key: Key) -> Bool { decoder.defaults[key.stringValue] != nil }
        func decodeNil(forKey key: Key) throws -> Bool { false }

        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            guard let option = decoder.defaults[key.stringValue] else { throw unsupported(at: [key]) }
            return try Value(from: OptionValueDecoder(option: option, value: decoder.object[key.stringValue]))
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> { throw unsupported(at: [key]) }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            throw unsupported(at: [key])
        }
        func superDecoder() throws -> any Decoder { throw unsupported(at: []) }
        func superDecoder(forKey key: Key) throws -> any Decoder { throw unsupported(at: [key]) }
    }
}

/// Passes one option's declaration and value to `StageOption.init(from:)`.
struct OptionValueDecoder: Decoder {
    let option: any AnyStageOption
    let value: JSONValue?
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        throw unsupported(at: [])
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw unsupported(at: []) }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw unsupported(at: []) }
}

private func unsupported(at path: [any CodingKey]) -> DecodingError {
    .dataCorrupted(.init(codingPath: path, debugDescription: "every property must be a @StageOption"))
}
