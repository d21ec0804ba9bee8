import Foundation
import Synchronization

/// The durable list of requests, one JSON line each: what tests read to see what was sent, and how often.
///
/// Holds paths without their query, never headers or bodies: no token can get in.
final class RequestLog: Sendable {
    /// One request.
    struct Entry: Codable, Sendable {
        var time: String
        var method: String
        var path: String
        /// The `Content-Range` of the request.
        var range: String?
        /// The status that was sent; 499 when the client went away in the middle, 0 when a fault let nobody answer.
        var status: Int
        var publishId: String?
        /// The `error.code` of an envelope that was no success.
        var code: String?
        /// The fault that was played.
        var fault: String?

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(time, forKey: .time)
            try container.encode(method, forKey: .method)
            try container.encode(path, forKey: .path)
            try container.encode(range, forKey: .range)
            try container.encode(status, forKey: .status)
            try container.encode(publishId, forKey: .publishId)
            try container.encodeIfPresent(code, forKey: .code)
            try container.encodeIfPresent(fault, forKey: .fault)
        }
    }

    private let url: URL
    private let file: PosixFile
    // Appends are one call each; the lock only keeps the torn-line repair and the first append apart.
    private let lock = Mutex(())

    /// Opens the log and ends a line that a kill has torn.
    init(_ url: URL) throws(SandboxError) {
        self.url = url
        do {
            file = try PosixFile(url, .append)
            let size = try file.size
            if size > 0, try PosixFile(url, .read).read(at: size - 1, count: 1) != [UInt8(ascii: "\n")] {
                try Self.cutTornLine(url)
            }
        } catch {
            throw SandboxError(.storage, "the request log \(url.path) cannot be opened: \(error)")
        }
    }

    /// Adds a request.
    func append(_ entry: Entry) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var line = try encoder.encode(entry)
        line.append(UInt8(ascii: "\n"))
        try lock.withLock { _ in try file.append(line) }
    }

    /// The whole log as JSON lines.
    func contents() throws -> Data {
        try Data(contentsOf: url)
    }

    private static func cutTornLine(_ url: URL) throws {
        let data = try Data(contentsOf: url)
        let intact = data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        try PosixFile(url, .readWrite).truncate(to: Int64(intact))
    }
}
