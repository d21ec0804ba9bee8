public import PipelineKit

/// Loudness of the delivery: `off`, or an integrated loudness in LUFS (ITU-R BS.1770, EBU R 128).
public enum Loudness: OptionValue, Hashable {
    /// Leaves the footage's loudness unchanged.
    case off
    /// Changes the audio to this loudness, with a true peak of at most −1 dBTP.
    case lufs(Double)

    public static var optionType: OptionType {
        OptionType(
            name: "LUFS|off",
            schema: ["anyOf": [["const": "off"], ["type": "number", "minimum": -31, "maximum": -5]]])
    }

    /// Parses `-14`, `"-14"`, `"-14 LUFS"` or `"off"`.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Loudness {
        if value == "off" { return .off }
        var text = value.stringValue
        if let written = text, written.uppercased().hasSuffix("LUFS") {
            text = String(written.dropLast(4)).filter { $0 != " " }
        }
        guard let level = value.doubleValue ?? text.flatMap(Double.init), level.isFinite else {
            throw .wrongType(#"a loudness in LUFS such as -14, or "off""#, got: value)
        }
        guard (-31...(-5)).contains(level) else {
            throw OptionProblem("out-of-range", "must be between -31 and -5 LUFS, not \(level)")
        }
        return .lufs(level)
    }

    public var optionJSON: JSONValue {
        switch self {
        case .off: "off"
        case .lufs(let level): level == level.rounded() ? .integer(Int64(level)) : .number(level)
        }
    }
}

/// The choice among the footage's audio tracks.
public enum AudioTrackChoice: OptionValue, Hashable {
    /// The default track, otherwise the one with the most channels.
    case auto
    /// None of them: the delivery gets a silent track.
    case none
    /// The track with this number, counted from 0 among the audio tracks.
    case number(Int)
    /// The best track in this language, an ISO 639 code.
    case language(String)

    public static var optionType: OptionType {
        OptionType(
            name: "auto|none|number|language",
            schema: [
                "anyOf": [
                    ["type": "integer", "minimum": 0, "maximum": 63],
                    ["type": "string", "pattern": #"^(auto|none|\d{1,2}|[A-Za-z]{2,3})$"#],
                ],
                "examples": ["auto", "none", 1, "eng"],
            ])
    }

    /// Parses `auto`, `none`, a number or a language code.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> AudioTrackChoice {
        let expected = #""auto", "none", the number of an audio track from 0, or a language such as "eng""#
        if value == "auto" { return .auto }
        if value == "none" { return .none }
        if let number = value.integerValue ?? value.stringValue.flatMap({ Int64($0) }) {
            guard (0...63).contains(number) else {
                throw OptionProblem("out-of-range", "must be between 0 and 63, not \(number)")
            }
            return .number(Int(number))
        }
        guard let text = value.stringValue, (2...3).contains(text.count), text.allSatisfy({ $0.isASCII && $0.isLetter })
        else { throw .wrongType(expected, got: value) }
        return .language(text.lowercased())
    }

    public var optionJSON: JSONValue {
        switch self {
        case .auto: "auto"
        case .none: "none"
        case .number(let number): .integer(Int64(number))
        case .language(let code): .string(code)
        }
    }
}
