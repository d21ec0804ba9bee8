/// Recognises hosts that are this machine itself.
package enum LoopbackHost {
    /// Whether a host name or address is this machine: `localhost`, `::1` or one in `127.0.0.0/8`.
    /// - Parameter host: In lower case; IPv6 addresses may have brackets.
    package static func contains(_ host: some StringProtocol) -> Bool {
        let name = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : String(host)
        if name == "localhost" || name == "::1" { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// Whether the value of a `Host` header is this machine, in any case and with any port.
    package static func contains(authority: String) -> Bool {
        let authority = authority.lowercased()
        guard authority.hasPrefix("["), let bracket = authority.firstIndex(of: "]") else {
            return contains(authority.prefix { $0 != ":" })
        }
        return contains(authority[...bracket])
    }
}
