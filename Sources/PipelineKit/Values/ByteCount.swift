import Foundation

/// A number of bytes. Units are decimal, like TikTok's limits: 1 MB is 1,000,000 bytes, 1 MiB is 1,048,576.
public struct ByteCount: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    /// The number of bytes; never negative in a valid option.
    public var bytes: Int64

    public init(_ bytes: Int64) { self.bytes = bytes }

    /// `count` times 1,000,000 bytes.
    public static func megabytes(_ count: Int64) -> ByteCount { ByteCount(count * 1_000_000) }
    /// `count` times 1,000,000,000 bytes.
    public static func gigabytes(_ count: Int64) -> ByteCount { ByteCount(count * 1_000_000_000) }

    static let units: [(suffix: String, factor: Double)] = [
        ("kib", 1024), ("mib", 1_048_576), ("gib", 1_073_741_824), ("kb", 1000), ("mb", 1_000_000),
        ("gb", 1_000_000_000), ("k", 1000), ("m", 1_000_000), ("g", 1_000_000_000), ("b", 1),
    ]

    /// Parses `10MB`, `1.5 GB`, `64MiB` or a plain number of bytes; nil for anything else.
    public init?(parsing text: String) {
        guard let value = ScaledNumber.parse(text, units: Self.units), value >= 0, value < 9e18 else { return nil }
        self.init(Int64(value.rounded()))
    }

    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }

    /// The count with a decimal unit and at most one decimal place: `73.1 MB`.
    public var description: String {
        for (name, factor) in [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)] where Double(bytes) >= factor * 0.9995 {
            let value = Double(bytes) / factor
            return value == value.rounded()
                ? "\(Int64(value)) \(name)" : String(format: "%.1f %@", value, name)
        }
        return "\(bytes) B"
    }
}

/// A bit rate in bits per second, written `9.5M`, `192k` or a plain number.
public struct BitRate: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    public var bitsPerSecond: Int64

    public init(_ bitsPerSecond: Int64) { self.bitsPerSecond = bitsPerSecond }

    static let units: [(suffix: String, factor: Double)] = [
        ("kbit/s", 1000), ("mbit/s", 1_000_000), ("kb/s", 1000), ("mb/s", 1_000_000), ("kbps", 1000),
        ("mbps", 1_000_000), ("k", 1000), ("m", 1_000_000),
    ]

    /// Parses `9.5M`, `192k`, `8 Mb/s` or a plain number of bits per second; nil for anything else.
    public init?(parsing text: String) {
        guard let value = ScaledNumber.parse(text, units: Self.units), value >= 0, value < 9e18 else { return nil }
        self.init(Int64(value.rounded()))
    }

    public static func < (left: BitRate, right: BitRate) -> Bool { left.bitsPerSecond < right.bitsPerSecond }

    /// The rate with a unit: `9.5 Mb/s`.
    public var description: String {
        bitsPerSecond >= 1_000_000
            ? String(format: "%.1f Mb/s", Double(bitsPerSecond) / 1e6)
            : String(format: "%.0f kb/s", Double(bitsPerSecond) / 1e3)
    }
}

/// Parses text of the form NUMBER UNIT.
enum ScaledNumber {
    /// Returns the number times its unit's factor; nil if the text has another form or the number is not finite.
    static func parse(_ text: String, units: [(suffix: String, factor: Double)]) -> Double? {
        var body = text.trimmingCharacters(in: .whitespaces).lowercased()
        var factor = 1.0
        for unit in units where body.hasSuffix(unit.suffix) {
            body.removeLast(unit.suffix.count)
            factor = unit.factor
            break
        }
        body = body.trimmingCharacters(in: .whitespaces)
        guard !body.isEmpty, body.allSatisfy({ $0.isNumber || $0 == "." || $0 == "-" }), let number = Double(body),
            number.isFinite
        else { return nil }
        return number * factor
    }
}
