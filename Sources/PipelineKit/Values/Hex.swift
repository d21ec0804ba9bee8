extension Sequence where Element == UInt8 {
    /// The bytes as lower-case hex, two digits each.
    package var lowercaseHex: String {
        map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
