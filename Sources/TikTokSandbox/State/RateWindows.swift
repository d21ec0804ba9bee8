import Foundation

/// Sliding windows of one minute that count calls by user and endpoint. Kept in memory only.
struct RateWindows: Sendable {
    /// The calls that are counted apart.
    enum Call: Hashable, Sendable {
        case initialize, creatorInfo, status, userInfo
    }

    private struct Key: Hashable {
        let call: Call
        let openID: String
    }

    private var calls: [Key: [Date]] = [:]
    static let length: TimeInterval = 60

    /// Counts a call, unless the window is full.
    mutating func admit(_ call: Call, openID: String, limit: Int, at now: Date) -> Bool {
        let key = Key(call: call, openID: openID)
        var recent = calls[key, default: []].filter { $0 > now.addingTimeInterval(-Self.length) }
        defer { calls[key] = recent }
        guard recent.count < limit else { return false }
        recent.append(now)
        return true
    }
}
