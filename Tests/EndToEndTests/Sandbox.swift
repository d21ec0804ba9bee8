import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import PipelineKit

/// The sandbox as a process of its own.
final class Sandbox: Sendable {
    private let program: Program
    let environment: [String: String]
    let address: String

    /// Starts it and waits until it listens.
    init(in place: Place, data: String = "sandbox") async throws {
        let directory = place.folder.appending(path: data).path
        program = try Program(["sandbox", "--data", directory], in: place)
        var line: String?
        for _ in 0..<400 where line == nil {
            try await Task.sleep(for: .milliseconds(25))
            line = program.outputSoFar.split(separator: "\n").first.map(String.init)
        }
        guard let line, line.hasPrefix("listening on http://127.0.0.1:") else {
            throw StageError(.internalFault, "the sandbox did not start: \(line ?? "no line")")
        }
        address = String(line.dropFirst("listening on ".count))
        let text = try String(contentsOfFile: directory + "/sandbox.env", encoding: .utf8)
        environment = Dictionary(
            text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
                let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
                return parts.count == 2 ? (parts[0], parts[1].trimmingCharacters(in: ["\"", "'"])) : nil
            }, uniquingKeysWith: { $1 })
    }

    deinit { program.signal(SIGTERM) }

    func stop() async throws {
        program.signal(SIGTERM)
        _ = try await program.end()
    }

    func posts() async throws -> [JSONValue] {
        guard case .array(let posts) = try JSONDecoder().decode(JSONValue.self, from: try await get("/_sandbox/posts"))
        else { return [] }
        return posts
    }

    /// The webhooks that were sent.
    func webhooks() async throws -> [JSONValue] {
        guard
            case .array(let list) = try JSONDecoder().decode(JSONValue.self, from: try await get("/_sandbox/webhooks"))
        else { return [] }
        return list
    }

    /// The requests so far.
    func log() async throws -> [JSONValue] {
        try String(decoding: try await get("/_sandbox/log"), as: UTF8.self).split(separator: "\n").map {
            try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8))
        }
    }

    /// The byte ranges that were sent, in order, with the answers that they got.
    func ranges() async throws -> [(range: String, status: Int64)] {
        try await log().filter { $0["method"] == "PUT" }.compactMap { line in
            guard let range = line["range"]?.stringValue, let status = line["status"]?.integerValue else { return nil }
            return (range, status)
        }
    }

    /// Sets faults.
    func faults(_ json: String) async throws {
        var request = HTTPClientRequest(url: address + "/_sandbox/faults")
        request.method = .PUT
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(string: json))
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
        let body = try await response.body.collect(upTo: 1 << 20)
        guard (200...299).contains(response.status.code) else {
            throw StageError(.internalFault, "faults refused: \(String(buffer: body))")
        }
    }

    private func get(_ path: String) async throws -> Data {
        let response = try await HTTPClient.shared.execute(
            HTTPClientRequest(url: address + path), timeout: .seconds(10))
        return Data(buffer: try await response.body.collect(upTo: 1 << 26))
    }
}
