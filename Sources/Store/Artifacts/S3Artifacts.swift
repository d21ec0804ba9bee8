import AsyncHTTPClient
import Crypto
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
package import PipelineKit

/// An artifact store in a bucket of S3 or a compatible service.
///
/// Large files are uploaded in parts and downloaded in ranges; each request is retried separately.
package struct S3Artifacts: ArtifactStore {
    /// The address of the bucket.
    package struct Place: Sendable {
        /// `https://host[:port]`, without the bucket.
        var endpoint: URL
        /// Whether the bucket is part of the host name, as at AWS, or the first component of the path.
        var isVirtualHost: Bool
        var bucket: String
        /// Prepended to each object key.
        var prefix: String
    }

    /// The part size in bytes. S3 requires at least 5 MiB and at most 10,000 parts.
    private static let partSize: Int64 = 32 << 20
    private static let attempts = 5

    /// Shared by the process and never shut down. It doesn't retry connections: `call` decides on retries.
    private static let client: HTTPClient = {
        var settings = HTTPClient.Configuration()
        settings.redirectConfiguration = .disallow
        settings.timeout = .init(connect: .seconds(10), read: .seconds(60), write: .seconds(60))
        settings.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: settings)
    }()

    private let place: Place
    private let signature: AWSSignature
    private let clock: HostClock
    private let partSize: Int64

    /// Reads an address `s3://bucket/prefix` and the settings that AWS's own tools use.
    /// - Parameters:
    ///   - setting: Returns a setting by name: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`,
    ///     `AWS_REGION` or `AWS_DEFAULT_REGION`, and `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` for services other
    ///     than AWS.
    ///   - clock: The time for signatures, which the service rejects when it is minutes off.
    /// - Throws: `StageError` with code `configuration` when a setting is missing or invalid.
    package init(
        address: String, setting: (String) -> String?, clock: HostClock, partSize: Int64? = nil
    ) throws(StageError) {
        let parts = address.dropFirst("s3://".count).split(separator: "/", maxSplits: 1).map(String.init)
        guard let bucket = parts.first else {
            throw StageError(
                .configuration, "SPREADER_ARTIFACTS contains no bucket name",
                hint: "write it as s3://BUCKET or s3://BUCKET/PREFIX")
        }
        guard let key = setting("AWS_ACCESS_KEY_ID"), let secret = setting("AWS_SECRET_ACCESS_KEY") else {
            throw StageError(
                .configuration, "the keys for the bucket \(bucket) are missing",
                hint: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        }
        let region = setting("AWS_REGION") ?? setting("AWS_DEFAULT_REGION") ?? "us-east-1"
        let own = setting("AWS_ENDPOINT_URL_S3") ?? setting("AWS_ENDPOINT_URL")
        guard let endpoint = URL(string: own ?? "https://s3.\(region).amazonaws.com"), endpoint.host() != nil,
            ["", "/"].contains(endpoint.path())
        else {
            throw StageError(
                .configuration, "AWS_ENDPOINT_URL is not valid: \"\(own ?? "")\"",
                hint: "write it as https://host:port")
        }
        let prefix = parts.count == 2 ? parts[1] : ""
        place = Place(
            // AWS's wildcard certificates don't match bucket names with dots.
            endpoint: endpoint, isVirtualHost: own == nil && !bucket.contains("."), bucket: bucket,
            prefix: prefix.isEmpty || prefix.hasSuffix("/") ? prefix : prefix + "/")
        signature = AWSSignature(
            credentials: AWSCredentials(
                accessKey: key, secretKey: Secret(secret), sessionToken: setting("AWS_SESSION_TOKEN").map { Secret($0) }
            ),
            region: region)
        self.clock = clock
        self.partSize = partSize ?? Self.partSize
    }

    package var name: String { "s3://\(place.bucket)/\(place.prefix)" }

    package func holds(_ digest: String) async throws(StageError) -> Bool { try await size(digest) != nil }

    package func put(_ file: FileReference, digest: String) async throws(StageError) {
        if try await size(digest) == file.bytes { return }
        let source = try PartSource(file.path)
        guard file.bytes > partSize else {
            let data = try await source.read(0..<file.bytes)
            guard ContentDigest.sha256(data) == digest else { throw changed(file) }
            _ = try await call("PUT", digest, body: data, payload: digest)
            return
        }
        let begun = try await call("POST", digest, query: [("uploads", "")])
        guard let upload = Self.element("UploadId", in: begun.text) else {
            throw strange("started no multipart upload", begun)
        }
        do throws(StageError) {
            var tags: [String] = []
            var hash = SHA256()
            let size = max(partSize, (file.bytes + 9999) / 10_000)
            for start in stride(from: 0, to: file.bytes, by: Int(size)) {
                let data = try await source.read(start..<min(start + size, file.bytes))
                hash.update(data: data)
                let answer = try await call(
                    "PUT", digest, query: [("partNumber", "\(tags.count + 1)"), ("uploadId", upload)], body: data)
                guard let tag = answer.headers["etag"] else { throw strange("returned no ETag for a part", answer) }
                tags.append(tag)
            }
            guard ContentDigest.hex(hash.finalize()) == digest else { throw changed(file) }
            let list = tags.enumerated().map {
                "<Part><PartNumber>\($0 + 1)</PartNumber><ETag>\($1)</ETag></Part>"
            }.joined()
            let done = try await call(
                "POST", digest, query: [("uploadId", upload)],
                body: Data("<CompleteMultipartUpload>\(list)</CompleteMultipartUpload>".utf8), isMissingFine: true)
            // 404 after a retry: the first request completed the upload, but its response was lost.
            if done.status == 404, try await self.size(digest) == file.bytes { return }
            guard done.status != 404 else { throw strange("did not complete the multipart upload", done) }
            // S3 may send status 200 before it is done, and report the error in the body.
            if done.text.contains("<Error>") { throw strange("did not complete the multipart upload", done) }
        } catch {
            // The parts of an incomplete upload cost money.
            _ = try? await withCancellationShield { () throws(StageError) in
                try await call("DELETE", digest, query: [("uploadId", upload)])
            }
            throw error
        }
    }

    package func fetch(_ digest: String, to path: String) async throws(StageError) -> Bool {
        guard let bytes = try await size(digest) else { return false }
        return try await place(digest, at: path) { (draft) throws(StageError) in
            guard FileManager.default.createFile(atPath: draft, contents: nil),
                let handle = FileHandle(forWritingAtPath: draft)
            else { throw StageError(.fileSystem, "can't write \(draft)", hint: "check the folder's permissions") }
            defer { try? handle.close() }
            var offset: Int64 = 0
            while offset < bytes {
                let end = min(offset + partSize, bytes)
                let answer = try await call("GET", digest, range: offset..<end)
                // A server that doesn't support ranges sends the whole object.
                let data = answer.status == 206 ? answer.body : answer.body.dropFirst(Int(offset))
                guard !data.isEmpty else { throw strange("sent less data than expected", answer) }
                do {
                    try handle.write(contentsOf: data)
                } catch {
                    throw StageError(.diskFull, "can't write \(draft): \(error.localizedDescription)")
                }
                offset += Int64(data.count)
            }
            return true
        }
    }

    // MARK: Requests

    private struct Answer: Sendable {
        var status: Int
        var headers: [String: String]
        var body: Data

        var text: String { String(decoding: body.prefix(100_000), as: UTF8.self) }
    }

    private func size(_ digest: String) async throws(StageError) -> Int64? {
        let answer = try await call("HEAD", digest, isMissingFine: true)
        return answer.status == 404 ? nil : answer.headers["content-length"].flatMap { Int64($0) }
    }

    /// Sends a request, with retries for transient failures.
    private func call(
        _ method: String, _ digest: String, query: [(name: String, value: String)] = [], range: Range<Int64>? = nil,
        body: Data = Data(), payload: String? = nil, isMissingFine: Bool = false
    ) async throws(StageError) -> Answer {
        var problem = StageError(.unavailable, "\(name) doesn't respond")
        for attempt in 1...Self.attempts {
            do {
                let answer = try await send(method, digest, query, range, body, payload)
                switch answer.status {
                case 200..<300: return answer
                case 404 where isMissingFine: return answer
                case 403, 401: throw refused(answer)
                case 429, 500...: problem = strange("responded with status \(answer.status)", answer)
                case 301,
                    400 where method == "HEAD" && answer.headers["x-amz-bucket-region"] != nil:
                    throw StageError(
                        .configuration, "\(name) is in another region",
                        hint: "set AWS_REGION to \(answer.headers["x-amz-bucket-region"] ?? "the bucket's region")")
                case 400 where Self.isPassing(answer), 409 where Self.isPassing(answer):
                    problem = strange("responded with status \(answer.status)", answer)
                default: throw strange("responded with status \(answer.status)", answer)
                }
            } catch let error as StageError {
                throw error
            } catch is CancellationError {
                throw .cancelled
            } catch {
                if Task.isCancelled { throw .cancelled }
                problem = StageError(
                    .unavailable,
                    "\(name) can't be reached: \((error as? HTTPClientError)?.shortDescription ?? "\(error)")",
                    hint: "check AWS_ENDPOINT_URL and the network", recovery: .transient(after: nil))
            }
            guard attempt < Self.attempts else { break }
            do {
                try await clock.sleep(.seconds(0.2 * Double(1 << attempt) * Double.random(in: 0.5...1)))
            } catch {
                throw .cancelled
            }
        }
        throw problem
    }

    private func send(
        _ method: String, _ digest: String, _ query: [(name: String, value: String)], _ range: Range<Int64>?,
        _ body: Data, _ payload: String?
    ) async throws -> Answer {
        // The client omits the default port from the Host header, so the signature must omit it too.
        let usual = place.endpoint.scheme == "http" ? 80 : 443
        let port = place.endpoint.port.flatMap { $0 == usual ? nil : ":\($0)" } ?? ""
        let host = (place.endpoint.host() ?? "") + port
        let name = AWSSignature.encode(place.prefix + digest, keepingSlashes: true)
        let path = place.isVirtualHost ? "/\(name)" : "/\(AWSSignature.encode(place.bucket))/\(name)"
        var headers = ["host": place.isVirtualHost ? "\(place.bucket).\(host)" : host]
        if let range { headers["range"] = "bytes=\(range.lowerBound)-\(range.upperBound - 1)" }
        let hash = payload ?? ContentDigest.sha256(body)
        let signed = signature.headers(
            method, path: path, query: query, headers: headers, payload: hash, at: clock.now())
        let target = query.isEmpty ? path : "\(path)?\(AWSSignature.text(query))"
        var request = HTTPClientRequest(
            url: "\(place.endpoint.scheme ?? "https")://\(headers["host"] ?? host)\(target)")
        request.method = HTTPMethod(rawValue: method)
        for (name, value) in signed where name != "host" { request.headers.add(name: name, value: value) }
        if !body.isEmpty || method == "PUT" { request.body = .bytes(ByteBuffer(data: body)) }
        let response = try await Self.client.execute(request, timeout: .seconds(300))
        var fields: [String: String] = [:]
        for (name, value) in response.headers { fields[name.lowercased()] = value }
        let limit = Int(max(partSize, 1 << 20)) + Int(response.status.code == 200 ? (1 << 31) : 0)
        let content = try await response.body.collect(upTo: limit)
        return Answer(status: Int(response.status.code), headers: fields, body: Data(content.readableBytesView))
    }

    /// Whether S3's documentation asks to retry this error.
    private static func isPassing(_ answer: Answer) -> Bool {
        ["RequestTimeout", "OperationAborted", "InternalError", "SlowDown"].contains(element("Code", in: answer.text))
    }

    /// The text of the first element with this name in a short XML response.
    private static func element(_ name: String, in text: String) -> String? {
        guard let start = text.range(of: "<\(name)>"),
            let end = text.range(of: "</\(name)>", range: start.upperBound..<text.endIndex)
        else { return nil }
        return String(text[start.upperBound..<end.lowerBound])
    }

    private func refused(_ answer: Answer) -> StageError {
        StageError(
            .configuration, "\(name) denied access\(Self.words(answer))",
            hint: "check the AWS keys and AWS_REGION, and that the keys allow s3:GetObject, PutObject and ListBucket")
    }

    private func strange(_ what: String, _ answer: Answer) -> StageError {
        StageError(
            .unavailable, "\(name) \(what)\(Self.words(answer))", hint: "see the service's log",
            recovery: answer.status == 429 || answer.status >= 500 ? .transient(after: nil) : .permanent)
    }

    /// The code and message of the service's error response, shortened. They contain no secrets.
    private static func words(_ answer: Answer) -> String {
        guard let code = element("Code", in: answer.text) else { return "" }
        return ": "
            + ([code] + [element("Message", in: answer.text)].compactMap(\.self)).joined(separator: ", ").prefix(300)
    }
}

/// Reads parts of a file off the cooperative pool.
private struct PartSource: Sendable {
    let path: String

    init(_ path: String) throws(StageError) { self.path = path }

    func read(_ range: Range<Int64>) async throws(StageError) -> Data {
        let path = path
        return try await BlockingWork.run(name: "read") { (_) throws(StageError) in
            do {
                let handle = try FileHandle(forReadingFrom: URL(filePath: path))
                defer { try? handle.close() }
                try handle.seek(toOffset: UInt64(range.lowerBound))
                var data = Data()
                while data.count < range.count,
                    let more = try handle.read(upToCount: range.count - data.count), !more.isEmpty
                {
                    data += more
                }
                guard data.count == range.count else {
                    throw StageError(
                        .fileSystem, "\(path) became shorter while it was read", hint: "run the same command again")
                }
                return data
            } catch let error as StageError {
                throw error
            } catch {
                throw StageError(.fileSystem, "can't read \(path): \(error.localizedDescription)")
            }
        }
    }
}
