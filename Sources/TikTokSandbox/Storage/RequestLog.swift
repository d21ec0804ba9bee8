import Foundation
import Synchronization

/// The log of requests, one JSON line each, with which tests check what a client sent and how often.
///
/// Contains paths without query, and neither headers nor bodies, so that no token gets into it.
final class RequestLog: Sendable {
    struct Entry: Codable, Sendable {
        var time: String
        var method: String
        var path: String
        /// The `Content-Range` of the request.
        var range: String?
        /// The status of the response; 499 if the connection closed during the request's body, 0 if a fault sent no response.
        var status: Int
        var publishId: String?
        /// The `error.code` of an error response.
        var code: String?
        /// The name of the fault that was applied.
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
    // Keeps the lines of concurrent requests apart.
    private let lock = Mutex(())

    /// Opens the log and removes a partial last line, which a kill may have left.
    init(_ url: URL) throws(SandboxError) {
        self.url = url
        do {
            file = try PosixFile(url, .append)
            let size = try file.size
            if size > 0, try PosixFile(url, .read).read(at: size - 1, count: 1) != [UInt8(ascii: "\n")] {
                try Self.cutTornLine(url)
            }
        } catch {
            throw SandboxError(.storage, "cannot open the request log \(url.path): \(error)")
        }
    }

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
