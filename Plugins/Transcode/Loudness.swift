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
