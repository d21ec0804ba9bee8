import Foundation

extension Duration {
    /// The duration in seconds.
    public var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }

    /// Parses `60`, `60s`, `1m30s`, `500ms`, `2h`, `1d` or `00:01:30.5`; nil for anything else.
    /// - Parameter text: Text from a pipeline file or the command line.
    public init?(parsing text: String) {
        let body = text.trimmingCharacters(in: .whitespaces).lowercased()
        guard !body.isEmpty else { return nil }
        if let seconds = Double(body) {
            guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return nil }
            self = .seconds(seconds)
            return
        }
        guard let seconds = body.contains(":") ? Self.clockSeconds(body) : Self.unitSeconds(body) else { return nil }
        self = .seconds(seconds)
    }

    /// Parses `01:30` or `00:01:30.5`.
    private static func clockSeconds(_ text: String) -> Double? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Double($0) }
        guard (2...3).contains(parts.count) else { return nil }
        var total = 0.0
        for part in parts {
            guard let part, part.isFinite, part >= 0, part < 1e9 else { return nil }
            total = total * 60 + part
        }
        return total
    }

    /// Parses a sum of numbers with units, such as `1m30s`.
    private static func unitSeconds(_ text: String) -> Double? {
        let factors = ["d": 86_400.0, "h": 3600, "m": 60, "min": 60, "s": 1, "ms": 0.001]
        var total = 0.0
        var number = ""
        var unit = ""
        func addTerm() -> Bool {
            guard let value = Double(number), let factor = factors[unit] else { return false }
            total += value * factor
            return true
        }
        for character in text where character != " " {
            if character.isASCII, character.isNumber || character == "." {
                if !unit.isEmpty {
                    guard addTerm() else { return nil }
                    number = ""
                    unit = ""
                }
                number.append(character)
            } else {
                unit.append(character)
            }
        }
        return addTerm() && total.isFinite && total < 1e12 ? total : nil
    }

    /// The duration for messages: `0.4 s`, `42 s`, `2 min 5 s`, `3 h 10 min`.
    public var spoken: String { Self.spoken(seconds: inSeconds) }

    /// Formats seconds for messages. Accepts any number, because damaged footage may claim absurd lengths.
    public static func spoken(seconds: Double) -> String {
        guard seconds.isFinite, abs(seconds) < 1e15 else { return String(format: "%.3g s", seconds) }
        if seconds < 10 { return String(format: "%.1f s", seconds) }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return whole % 60 == 0 ? "\(whole / 60) min" : "\(whole / 60) min \(whole % 60) s" }
        return whole % 3600 / 60 == 0 ? "\(whole / 3600) h" : "\(whole / 3600) h \(whole % 3600 / 60) min"
    }
}
