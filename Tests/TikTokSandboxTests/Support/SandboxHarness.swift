import AsyncHTTPClient
import Crypto
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Testing

@testable import TikTokSandbox

/// A response with its whole body.
struct Reply {
    var status: Int
    var headers: [String: String]
    var body: Data

    var json: SandboxJSON {
        get throws { try SandboxJSON(parsing: body) }
    }
    /// The `error.code` of TikTok's envelope.
    var code: String? { (try? json)?["error"]?["code"]?.stringValue }
    var message: String? { (try? json)?["error"]?["message"]?.stringValue }
    /// The `error` of an OAuth response.
    var oauthError: String? { (try? json)?["error"]?.stringValue }
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// Passes the URL of a temporary folder, which does not exist yet and is removed afterwards.
func withFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sandbox-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
}

/// Runs a sandbox on a free port for the length of `body`.
func withSandbox<Result: Sendable>(
    in folder: URL? = nil, clock: TestClock = TestClock(), faults: String? = nil, port: Int? = nil,
    _ body: @escaping @Sendable (SandboxHarness) async throws -> Result
) async throws -> Result {
    guard let folder else {
        return try await withFolder { try await withSandbox(in: $0, clock: clock, faults: faults, port: port, body) }
    }
    var faultsFile: URL?
    if let faults {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appendingPathComponent("faults.json")
        try Data(faults.utf8).write(to: file)
        faultsFile = file
    }
    var logger = Logger(label: "sandbox-tests")
    logger.logLevel = .error
    let server = try SandboxServer(
        configuration: SandboxConfiguration(dataDirectory: folder, port: port, faultsFile: faultsFile, logger: logger),
        now: { clock.now })
    let (endpoints, announcement) = AsyncStream.makeStream(of: SandboxEndpoint.self)
    return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask {
            try await server.run { endpoint in
                announcement.yield(endpoint)
                announcement.finish()
            }
            return nil
        }
        group.addTask {
            for await endpoint in endpoints {
                return try await body(SandboxHarness(endpoint: endpoint, clock: clock, folder: folder))
            }
            throw CancellationError()
        }
        var result: Result?
        while result == nil, let next = try await group.next() { result = next }
        group.cancelAll()
        while (try? await group.next()) != nil {}
        return try #require(result)
    }
}

/// A client of a running sandbox.
struct SandboxHarness: Sendable {
    let endpoint: SandboxEndpoint
    let clock: TestClock
    let folder: URL

    func send(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: Data? = nil
    ) async throws -> Reply {
        var request = HTTPClientRequest(url: path.hasPrefix("http") ? path : endpoint.baseURL + path)
        request.method = .init(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        let response = try await Self.client.execute(request, timeout: .seconds(20))
        let data = Data(try await response.body.collect(upTo: 200_000_000).readableBytesView)
        let fields = Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { $1 })
        return Reply(status: Int(response.status.code), headers: fields, body: data)
    }

    /// Does not follow redirects, because tests check those of the consent page.
    static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        // After a restart on the same port, the sandbox does not know the connections of the previous one.
        configuration.maximumUsesPerConnection = 1
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    func call(_ path: String, _ body: SandboxJSON = [:], token: String? = nil) async throws -> Reply {
        try await send(
            "POST", path,
            headers: [
                ("Authorization", "Bearer \(token ?? endpoint.accessToken)"),
                ("Content-Type", "application/json; charset=UTF-8"),
            ], body: body.encoded())
    }

    func form(_ path: String, _ fields: [String: String]) async throws -> Reply {
        let text = fields.map { name, value in
            name + "=" + (value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")
        }.joined(separator: "&")
        return try await send(
            "POST", path, headers: [("Content-Type", "application/x-www-form-urlencoded")], body: Data(text.utf8))
    }

    func initialize(
        _ size: Int64, chunk: Int64? = nil, count: Int64 = 1, mode: PublishMode = .direct, title: String = "A title",
        privacy: String = "SELF_ONLY", token: String? = nil
    ) async throws -> Reply {
        var body: [String: SandboxJSON] = [
            "source_info": [
                "source": "FILE_UPLOAD", "video_size": .integer(size), "chunk_size": .integer(chunk ?? size),
                "total_chunk_count": .integer(count),
            ]
        ]
        if mode == .direct { body["post_info"] = ["title": .string(title), "privacy_level": .string(privacy)] }
        let path = mode == .direct ? "/v2/post/publish/video/init/" : "/v2/post/publish/inbox/video/init/"
        return try await call(path, .object(body), token: token)
    }

    func put(
        _ url: String, _ bytes: Data, first: Int, total: Int, type: String = "video/mp4"
    ) async throws -> Reply {
        try await send(
            "PUT", url,
            headers: [("Content-Type", type), ("Content-Range", "bytes \(first)-\(first + bytes.count - 1)/\(total)")],
            body: bytes)
    }

    /// Posts a whole file in one chunk and returns its publish id.
    func post(_ file: Data, mode: PublishMode = .direct, title: String = "A title", privacy: String = "SELF_ONLY")
        async throws -> String
    {
        let reply = try await initialize(Int64(file.count), mode: mode, title: title, privacy: privacy)
        let data = try #require(try reply.json["data"], "\(reply.text)")
        let url = try #require(data["upload_url"]?.stringValue)
        let upload = try await put(url, file, first: 0, total: file.count)
        #expect(upload.status == 201)
        return try #require(data["publish_id"]?.stringValue)
    }

    func status(_ publishID: String) async throws -> SandboxJSON {
        try #require(try await call("/v2/post/publish/status/fetch/", ["publish_id": .string(publishID)]).json["data"])
    }

    /// Advances the clock past the processing time, and returns the post once it is inspected.
    func finished(_ publishID: String) async throws -> SandboxJSON {
        clock.advance(10)
        for _ in 0..<400 {
            let posts = try await send("GET", "/_sandbox/posts").json.arrayValue ?? []
            if let post = posts.first(where: { $0["publishId"]?.stringValue == publishID }), post["sha256"] != nil {
                return post
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw SandboxError(.internalFault, "the post was not inspected in time")
    }

    func log() async throws -> [SandboxJSON] {
        try await send("GET", "/_sandbox/log").text.split(separator: "\n").map {
            try SandboxJSON(parsing: Data($0.utf8))
        }
    }

    func setFaults(_ json: String) async throws {
        let reply = try await send("PUT", "/_sandbox/faults", body: Data(json.utf8))
        #expect(reply.status == 200, "\(reply.text)")
    }
}

/// The expected digest of an uploaded file.
func sha256(_ data: Data) -> String {
    hexadecimal(SHA256.hash(data: data))
}

/// Polls until the condition is true, for up to four seconds.
func waitUntil(_ condition: () async throws -> Bool) async throws {
    for _ in 0..<400 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("the condition did not come true in time")
}

extension SandboxHarness {
    /// Announces a chunk, sends a part of it and closes the connection.
    func disconnectDuringUpload(to url: String, announced: Int, sent: Int, total: Int) async throws {
        let (pieces, source) = AsyncStream.makeStream(of: ByteBuffer.self)
        var request = HTTPClientRequest(url: url)
        request.method = .PUT
        request.headers.add(name: "Content-Type", value: "video/mp4")
        request.headers.add(name: "Content-Range", value: "bytes 0-\(announced - 1)/\(total)")
        request.body = .stream(pieces, length: .known(Int64(announced)))
        source.yield(ByteBuffer(repeating: 7, count: sent))
        let task = Task { [request] in _ = try await Self.client.execute(request, timeout: .seconds(20)) }
        try await Task.sleep(for: .milliseconds(200))
        task.cancel()
        source.finish()
        _ = await task.result
    }
}
