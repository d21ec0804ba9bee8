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
    /// The part size in bytes. S3 requires at least 5 MiB, and at most `maximumParts` parts.
    private static let partSize: Int64 = 32 << 20
    private static let maximumParts: Int64 = 10_000
    private static let attempts = 5

    /// Shared by the process and never shut down. It doesn't retry connections: `call` decides on retries.
    private static let client: HTTPClient = {
        var settings = HTTPClient.Configuration()
        settings.redirectConfiguration = .disallow
        settings.timeout = .init(connect: .seconds(10), read: .seconds(60), write: .seconds(60))
        settings.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: settings)
    }()

    private let bucket: S3Bucket
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
        let region = setting("AWS_REGION") ?? setting("AWS_DEFAULT_REGION") ?? "us-east-1"
        let path = address.dropFirst("s3://".count).split(separator: "/", maxSplits: 1).map(String.init)
        guard let name = path.first else {
            throw StageError(
                .configuration, "SPREADER_ARTIFACTS contains no bucket name",
                hint: "write it as s3://BUCKET or s3://BUCKET/PREFIX")
        }
        guard let key = setting("AWS_ACCESS_KEY_ID"), let secret = setting("AWS_SECRET_ACCESS_KEY") else {
            throw StageError(
                .configuration, "the keys for the bucket \(name) are missing",
                hint: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        }
        bucket = try S3Bucket(
            name: name, prefix: path.count == 2 ? path[1] : "", region: region,
            endpoint: setting("AWS_ENDPOINT_URL_S3") ?? setting("AWS_ENDPOINT_URL"))
        signature = AWSSignature(
            credentials: AWSCredentials(
                accessKey: key, secretKey: Secret(secret), sessionToken: setting("AWS_SESSION_TOKEN").map { Secret($0) }
            ),
            region: region)
        self.clock = clock
        self.partSize = partSize ?? Self.partSize
    }

    package var name: String { "s3://\(bucket.name)/\(bucket.prefix)" }

    package func holds(_ digest: String) async throws(StageError) -> Bool { try await size(of: digest) != nil }

    package func put(_ file: FileReference, digest: String) async throws(StageError) {
        if try await size(of: digest) == file.bytes { return }
        let source = FileParts(path: file.path)
        guard file.bytes > partSize else {
            let data = try await source.read(0..<file.bytes)
            guard ContentDigest.sha256(data) == digest else { throw changed(file) }
            _ = try await call(Request(method: .PUT, key: digest, body: data, bodyDigest: digest))
            return
        }
        let upload = try await startUpload(digest)
        do throws(StageError) {
            let tags = try await uploadParts(of: file, from: source, to: upload)
            try await complete(upload, tags: tags, bytes: file.bytes)
        } catch {
            // The parts of an incomplete upload cost money.
            _ = try? await withCancellationShield { () throws(StageError) in
                try await call(Request(method: .DELETE, key: digest, query: [("uploadId", upload.id)]))
            }
            throw error
        }
    }

    package func fetch(_ digest: String, to path: String) async throws(StageError) -> Bool {
        guard let bytes = try await size(of: digest) else { return false }
        return try await place(digest, at: path) { (draft) throws(StageError) in
            guard FileManager.default.createFile(atPath: draft, contents: nil),
                let handle = FileHandle(forWritingAtPath: draft)
            else { throw StageError(.fileSystem, "can't write \(draft)", hint: "check the folder's permissions") }
            defer { try? handle.close() }
            var offset: Int64 = 0
            while offset < bytes {
                let range = offset..<min(offset + partSize, bytes)
                let response = try await call(Request(method: .GET, key: digest, range: range))
                // A server that doesn't support ranges sends the whole object.
                let data = response.status == 206 ? response.body : response.body.dropFirst(Int(offset))
                guard !data.isEmpty else { throw failure("sent less data than expected", response) }
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

    private func size(of digest: String) async throws(StageError) -> Int64? {
        let response = try await call(Request(method: .HEAD, key: digest, allowsMissing: true))
        return response.status == 404 ? nil : response.headers["content-length"].flatMap { Int64($0) }
    }

    // MARK: Multipart uploads

    private struct Upload: Sendable {
        var id: String
        var digest: String
    }

    private func startUpload(_ digest: String) async throws(StageError) -> Upload {
        let response = try await call(Request(method: .POST, key: digest, query: [("uploads", "")]))
        guard let id = Self.element("UploadId", in: response.text) else {
            throw failure("started no multipart upload", response)
        }
        return Upload(id: id, digest: digest)
    }

    /// Uploads a file in parts and checks its digest.
    /// - Returns: The ETags of the parts, in order.
    private func uploadParts(
        of file: FileReference, from source: FileParts, to upload: Upload
    ) async throws(StageError) -> [String] {
        var tags: [String] = []
        var hash = SHA256()
        let size = max(partSize, (file.bytes + Self.maximumParts - 1) / Self.maximumParts)
        for start in stride(from: 0, to: file.bytes, by: Int(size)) {
            let data = try await source.read(start..<min(start + size, file.bytes))
            hash.update(data: data)
            let response = try await call(
                Request(
                    method: .PUT, key: upload.digest,
                    query: [("partNumber", "\(tags.count + 1)"), ("uploadId", upload.id)], body: data))
            guard let tag = response.headers["etag"] else { throw failure("returned no ETag for a part", response) }
            tags.append(tag)
        }
        guard hash.finalize().lowercaseHex == upload.digest else { throw changed(file) }
        return tags
    }

    private func complete(_ upload: Upload, tags: [String], bytes: Int64) async throws(StageError) {
        let parts = tags.enumerated().map { "<Part><PartNumber>\($0 + 1)</PartNumber><ETag>\($1)</ETag></Part>" }
        let body = "<CompleteMultipartUpload>\(parts.joined())</CompleteMultipartUpload>"
        let response = try await call(
            Request(
                method: .POST, key: upload.digest, query: [("uploadId", upload.id)], body: Data(body.utf8),
                allowsMissing: true)
        )
        // 404 after a retry: the first request completed the upload, but its response was lost.
        if response.status == 404, try await size(of: upload.digest) == bytes { return }
        // S3 may send status 200 before it is done, and report the error in the body.
        guard response.status != 404, !response.text.contains("<Error>") else {
            throw failure("did not complete the multipart upload", response)
        }
    }

    // MARK: Requests

    private struct Request: Sendable {
        var method: HTTPMethod
        /// The name of the object, without the prefix.
        var key: String
        var query: [(name: String, value: String)] = []
        var range: Range<Int64>?
        var body = Data()
        /// SHA-256 of the body, if it is known.
        var bodyDigest: String?
        /// Whether status 404 is a result instead of an error.
        var allowsMissing = false
    }

    private struct Response: Sendable {
        var status: Int
        var headers: [String: String]
        var body: Data

        var text: String { String(decoding: body.prefix(100_000), as: UTF8.self) }
    }

    /// Sends a request, with retries for transient failures.
    private func call(_ request: Request) async throws(StageError) -> Response {
        var problem = StageError(.unavailable, "\(name) doesn't respond")
        for attempt in 1...Self.attempts {
            do {
                let response = try await send(request)
                guard let transient = try transientFailure(response, to: request) else { return response }
                problem = transient
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

    /// Returns the error of a response after which the request may be retried; nil when the request succeeded.
    /// - Throws: `StageError` when the request failed and a retry would fail too.
    private func transientFailure(_ response: Response, to request: Request) throws(StageError) -> StageError? {
        switch response.status {
        case 200..<300: return nil
        case 404 where request.allowsMissing: return nil
        case 401, 403: throw accessDenied(response)
        case 301,
            400 where request.method == .HEAD && response.headers["x-amz-bucket-region"] != nil:
            throw StageError(
                .configuration, "\(name) is in another region",
                hint: "set AWS_REGION to \(response.headers["x-amz-bucket-region"] ?? "the bucket's region")")
        case 429, 500...: return failure("responded with status \(response.status)", response)
        case 400 where Self.isTransient(response), 409 where Self.isTransient(response):
            return failure("responded with status \(response.status)", response)
        default: throw failure("responded with status \(response.status)", response)
        }
    }

    private func send(_ request: Request) async throws -> Response {
        let response = try await Self.client.execute(signedRequest(request), timeout: .seconds(300))
        var headers: [String: String] = [:]
        for (name, value) in response.headers { headers[name.lowercased()] = value }
        let status = Int(response.status.code)
        // A server that doesn't support ranges sends the whole object with status 200.
        let limit = Int(max(partSize, 1 << 20)) + (status == 200 ? 1 << 31 : 0)
        let body = try await response.body.collect(upTo: limit)
        return Response(status: status, headers: headers, body: Data(body.readableBytesView))
    }

    private func signedRequest(_ request: Request) -> HTTPClientRequest {
        let host = bucket.host
        let path = bucket.path(of: request.key)
        var headers = ["host": host]
        if let range = request.range { headers["range"] = "bytes=\(range.lowerBound)-\(range.upperBound - 1)" }
        let signed = signature.headers(
            request.method.rawValue, path: path, query: request.query, headers: headers,
            payload: request.bodyDigest ?? ContentDigest.sha256(request.body), at: clock.now())
        let query = request.query.isEmpty ? "" : "?" + AWSSignature.text(request.query)
        var client = HTTPClientRequest(url: "\(bucket.endpoint.scheme ?? "https")://\(host)\(path)\(query)")
        client.method = request.method
        for (name, value) in signed where name != "host" { client.headers.add(name: name, value: value) }
        if !request.body.isEmpty || request.method == .PUT {
            client.body = .bytes(ByteBuffer(data: request.body))
        }
        return client
    }

    /// Whether S3's documentation asks to retry this error.
    private static func isTransient(_ response: Response) -> Bool {
        ["RequestTimeout", "OperationAborted", "InternalError", "SlowDown"].contains(element("Code", in: response.text))
    }

    /// The text of the first element with this name in a short XML response.
    private static func element(_ name: String, in text: String) -> String? {
        guard let start = text.range(of: "<\(name)>"),
            let end = text.range(of: "</\(name)>", range: start.upperBound..<text.endIndex)
        else { return nil }
        return String(text[start.upperBound..<end.lowerBound])
    }

    private func accessDenied(_ response: Response) -> StageError {
        StageError(
            .configuration, "\(name) denied access\(Self.reason(response))",
            hint: "check the AWS keys and AWS_REGION, and that the keys allow s3:GetObject, PutObject and ListBucket")
    }

    private func failure(_ event: String, _ response: Response) -> StageError {
        StageError(
            .unavailable, "\(name) \(event)\(Self.reason(response))", hint: "see the service's log",
            recovery: response.status == 429 || response.status >= 500 ? .transient(after: nil) : .permanent)
    }

    /// The code and message of the service's error response, shortened. They contain no secrets.
    private static func reason(_ response: Response) -> String {
        guard let code = element("Code", in: response.text) else { return "" }
        let message = element("Message", in: response.text)
        return ": " + [code, message].compactMap(\.self).joined(separator: ", ").prefix(300)
    }
}

/// Reads parts of a file off the cooperative pool.
private struct FileParts: Sendable {
    let path: String

    func read(_ range: Range<Int64>) async throws(StageError) -> Data {
        try await BlockingWork.run(name: "read") { [path] (_) throws(StageError) in
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
