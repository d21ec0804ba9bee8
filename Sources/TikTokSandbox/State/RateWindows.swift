import Foundation

/// Rate limits per user and endpoint: sliding windows of one minute, kept in memory only.
struct RateWindows: Sendable {
    /// The endpoints with a limit of their own.
    enum Call: Hashable, Sendable {
        case initialize, creatorInfo, status, userInfo
    }

    private struct Key: Hashable {
        let call: Call
        let openID: String
    }

    private var calls: [Key: [Date]] = [:]
    static let length: TimeInterval = 60

    /// Counts a call. Returns false if the limit is reached.
    mutating func admit(_ call: Call, openID: String, limit: Int, at now: Date) -> Bool {
        let key = Key(call: call, openID: openID)
        var recent = calls[key, default: []].filter { $0 > now.addingTimeInterval(-Self.length) }
        defer { calls[key] = recent }
        guard recent.count < limit else { return false }
        recent.append(now)
        return true
    }
}
