import AsyncHTTPClient
import Crypto
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
package import PipelineKit

/// Artifacts in a bucket of S3 or of a service that speaks its language.
///
/// Files larger than a part go up in parts and come down in ranges, each tried again by itself.
package struct S3Artifacts: ArtifactStore {
    /// Where the bucket is.
    package struct Place: Sendable {
        /// `https://host[:port]`, without the bucket.
        var endpoint: URL
        /// Whether the bucket is the first part of the host's name, as at AWS, and not of the path.
        var isVirtualHost: Bool
        var bucket: String
        /// Put in front of each name.
        var prefix: String
    }

    /// Bytes of a part; S3 takes 5 MB and more, and 10,000 parts.
    private static let partSize: Int64 = 32 << 20
    private static let attempts = 5

    /// One for the process, which never ends it. What can't be reached is told at once: trying again is decided above.
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

    /// A bucket, by `s3://bucket/prefix` and the settings that AWS's own tools read.
    /// - Parameters:
    ///   - setting: A setting by its name: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`,
    ///     `AWS_REGION` or `AWS_DEFAULT_REGION`, `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` for services other than AWS.
    ///   - clock: Time: a signature that is minutes off is refused.
    /// - Throws: `StageError` with code `configuration` that says what is missing.
    package init(
        address: String, setting: (String) -> String?, clock: HostClock, partSize: Int64? = nil
    ) throws(StageError) {
        let parts = address.dropFirst("s3://".count).split(separator: "/", maxSplits: 1).map(String.init)
        guard let bucket = parts.first else {
            throw StageError(
                .configuration, "SPREADER_ARTIFACTS names no bucket",
                hint: "write it as s3://BUCKET or s3://BUCKET/PREFIX")
        }
        guard let key = setting("AWS_ACCESS_KEY_ID"), let secret = setting("AWS_SECRET_ACCESS_KEY") else {
            throw StageError(
                .configuration, "there are no keys for the bucket \(bucket)",
                hint: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        }
        let region = setting("AWS_REGION") ?? setting("AWS_DEFAULT_REGION") ?? "us-east-1"
        let own = setting("AWS_ENDPOINT_URL_S3") ?? setting("AWS_ENDPOINT_URL")
        guard let endpoint = URL(string: own ?? "https://s3.\(region).amazonaws.com"), endpoint.host() != nil,
            ["", "/"].contains(endpoint.path())
        else {
            throw StageError(
                .configuration, "AWS_ENDPOINT_URL is \"\(own ?? "")\"", hint: "write it as https://host:port")
        }
        let prefix = parts.count == 2 ? parts[1] : ""
        place = Place(
            // Certificates of AWS do not cover names with dots.
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
        guard let upload = Self.element("UploadId", in: begun.text) else { throw strange("began no upload", begun) }
        do throws(StageError) {
            var tags: [String] = []
            var hash = SHA256()
            let size = max(partSize, (file.bytes + 9999) / 10_000)
            for start in stride(from: 0, to: file.bytes, by: Int(size)) {
                let data = try await source.read(start..<min(start + size, file.bytes))
                hash.update(data: data)
                let answer = try await call(
                    "PUT", digest, query: [("partNumber", "\(tags.count + 1)"), ("uploadId", upload)], body: data)
                guard let tag = answer.headers["etag"] else { throw strange("gave a part no ETag", answer) }
                tags.append(tag)
            }
            guard ContentDigest.hex(hash.finalize()) == digest else { throw changed(file) }
            let list = tags.enumerated().map {
                "<Part><PartNumber>\($0 + 1)</PartNumber><ETag>\($1)</ETag></Part>"
            }.joined()
            let done = try await call(
                "POST", digest, query: [("uploadId", upload)],
                body: Data("<CompleteMultipartUpload>\(list)</CompleteMultipartUpload>".utf8), isMissingFine: true)
            // Asked twice, because the first answer was lost, it knows nothing of the upload any more.
            if done.status == 404, try await self.size(digest) == file.bytes { return }
            guard done.status != 404 else { throw strange("did not put the parts together", done) }
            // It may have answered before it was done, and say so only in the body.
            if done.text.contains("<Error>") { throw strange("did not put the parts together", done) }
        } catch {
            // Parts of an upload that is left open cost money.
            _ = try? await Uncancelled.run { () throws(StageError) in
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
                // Where ranges mean nothing, everything comes at once.
                let data = answer.status == 206 ? answer.body : answer.body.dropFirst(Int(offset))
                guard !data.isEmpty else { throw strange("ended before its end", answer) }
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

    /// Sends a request until it is answered for good.
    private func call(
        _ method: String, _ digest: String, query: [(name: String, value: String)] = [], range: Range<Int64>? = nil,
        body: Data = Data(), payload: String? = nil, isMissingFine: Bool = false
    ) async throws(StageError) -> Answer {
        var problem = StageError(.unavailable, "\(name) does not answer")
        for attempt in 1...Self.attempts {
            do {
                let answer = try await send(method, digest, query, range, body, payload)
                switch answer.status {
                case 200..<300: return answer
                case 404 where isMissingFine: return answer
                case 403, 401: throw refused(answer)
                case 429, 500...: problem = strange("answers with \(answer.status)", answer)
                case 301,
                    400 where method == "HEAD" && answer.headers["x-amz-bucket-region"] != nil:
                    throw StageError(
                        .configuration, "\(name) is in another region",
                        hint: "set AWS_REGION to \(answer.headers["x-amz-bucket-region"] ?? "its region")")
                case 400 where Self.isPassing(answer), 409 where Self.isPassing(answer):
                    problem = strange("answers with \(answer.status)", answer)
                default: throw strange("answers with \(answer.status)", answer)
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
        // A usual port is not sent, and what is not sent must not be signed.
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

    /// Refusals that S3 itself says to try again.
    private static func isPassing(_ answer: Answer) -> Bool {
        ["RequestTimeout", "OperationAborted", "InternalError", "SlowDown"].contains(element("Code", in: answer.text))
    }

    /// The text of an element of a short XML answer.
    private static func element(_ name: String, in text: String) -> String? {
        guard let start = text.range(of: "<\(name)>"),
            let end = text.range(of: "</\(name)>", range: start.upperBound..<text.endIndex)
        else { return nil }
        return String(text[start.upperBound..<end.lowerBound])
    }

    private func refused(_ answer: Answer) -> StageError {
        StageError(
            .configuration, "\(name) refuses access\(Self.words(answer))",
            hint: "check the AWS keys, AWS_REGION, and that the keys may get, put and (s3:ListBucket) look for objects")
    }

    private func strange(_ what: String, _ answer: Answer) -> StageError {
        StageError(
            .unavailable, "\(name) \(what)\(Self.words(answer))", hint: "see the service's log",
            recovery: answer.status == 429 || answer.status >= 500 ? .transient(after: nil) : .permanent)
    }

    /// What the service says of itself, shortened: it is no one's secret.
    private static func words(_ answer: Answer) -> String {
        guard let code = element("Code", in: answer.text) else { return "" }
        return ": "
            + ([code] + [element("Message", in: answer.text)].compactMap(\.self)).joined(separator: ", ").prefix(300)
    }
}

/// A file that is read by parts, off the cooperative pool.
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
                    throw StageError(.fileSystem, "\(path) is shorter than it was", hint: "run the same command again")
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
