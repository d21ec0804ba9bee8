import Foundation

/// Generates identifiers and secrets in TikTok's formats.
enum Identifiers {
    /// A 19-digit number for publish ids and post ids. Above 2^53, as TikTok's, so that clients must not parse it as a double.
    static func snowflake() -> Int64 {
        Int64.random(in: 7_000_000_000_000_000_000...7_999_999_999_999_999_999)
    }

    /// `length` random letters and digits.
    static func secret(_ length: Int) -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        var generator = SystemRandomNumberGenerator()
        return String((0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] })
    }

    /// A log id of 34 characters: the UTC time as `YYYYMMDDhhmmss`, then 20 upper-case hexadecimal digits.
    static func logID(at now: Date) -> String {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: now)
        let time = [parts.month, parts.day, parts.hour, parts.minute, parts.second].map { padded($0 ?? 0, to: 2) }
        let tail = (0..<20).map { _ in String(Int.random(in: 0..<16), radix: 16, uppercase: true) }
        return padded(parts.year ?? 0, to: 4) + time.joined() + tail.joined()
    }

    private static func padded(_ number: Int, to width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

/// Compares two secrets in a time that depends only on the length of the candidate.
func equalInConstantTime(_ candidate: String, _ secret: String) -> Bool {
    let left = Array(candidate.utf8)
    let right = Array(secret.utf8)
    var difference = left.count == right.count ? 0 : 1
    for (index, byte) in left.enumerated() {
        difference |= Int(byte ^ (right.isEmpty ? 0 : right[index % right.count]))
    }
    return difference == 0
}

/// Bytes as lower-case hexadecimal digits.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}
