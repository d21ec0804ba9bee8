import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// The feed page and the videos and images on it.
struct PageRoutes {
    let engine: SandboxEngine
    let feed: FeedPage

    func add(to router: Router<SandboxContext>) {
        let engine = engine
        let feed = feed
        router.get("/") { _, _ in
            let nonce = Identifiers.secret(24)
            return Answer.page(feed.render(await engine.feed(), nonce: nonce), nonce: nonce).response
        }
        router.get("/_sandbox/avatar.svg") { _, _ in
            var answer = Answer(status: 200, body: Data(Self.avatar.utf8))
            answer.headers[.contentType] = "image/svg+xml"
            return answer.response
        }
        for method in [HTTPRequest.Method.get, .head] {
            router.on("/_sandbox/media/:id", method: method) { request, context in
                guard let id = context.parameters.get("id")?.removingPercentEncoding, let media = await engine.media(id)
                else {
                    return Answer.text("no such video\n", status: 404).response
                }
                return try MediaResponse.make(
                    request, file: media.file, contentType: media.contentType, size: media.size)
            }
        }
    }

    private static let avatar = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" role="img" aria-label="Sandbox">\
        <defs><linearGradient id="g" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#ff5c83"/>\
        <stop offset="1" stop-color="#6a3df0"/></linearGradient></defs><rect width="64" height="64" rx="32" fill="url(#g)"/>\
        <path d="M25 19v26l21-13z" fill="#fff"/></svg>
        """
}

extension SandboxEngine {
    func feed() -> FeedPage.Content {
        FeedPage.Content(
            posts: arrivals(), uploads: state.openUploads, settings: settings,
            environmentFile: directory.environmentFile.path, now: now())
    }
}

/// Serves a file with support for `Range`, so that browsers can seek.
enum MediaResponse {
    static func make(_ request: Request, file: URL, contentType: String, size: Int64) throws -> Response {
        var headers: HTTPFields = [
            .contentType: contentType, .acceptRanges: "bytes", .cacheControl: "no-store",
            .xContentTypeOptions: "nosniff",
        ]
        var range: Range<Int64> = 0..<size
        var status = HTTPResponse.Status.ok
        switch Span(request.headers[.range], size: size) {
        case .whole: break
        case .part(let part):
            range = part
            status = .partialContent
            headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)"
        case .outside:
            headers[.contentRange] = "bytes */\(size)"
            return Response(status: .rangeNotSatisfiable, headers: headers)
        }
        if request.method == .head {
            headers[.contentLength] = String(range.count)
            return Response(status: status, headers: headers)
        }
        let handle = try PosixFile(file, .read)
        let body = ResponseBody(contentLength: range.count) { [range] writer in
            var offset = range.lowerBound
            while offset < range.upperBound {
                let piece = try handle.read(
                    at: offset, count: Int(min(Int64(PosixFile.bufferSize), range.upperBound - offset)))
                guard !piece.isEmpty else { throw UnreadableMedia("the file became shorter") }
                try await writer.write(ByteBuffer(bytes: piece))
                offset += Int64(piece.count)
            }
            try await writer.finish(nil)
        }
        return Response(status: status, headers: headers, body: body)
    }

    /// A parsed `Range` header. Anything but a single byte range means the whole file, as RFC 9110 allows.
    enum Span: Equatable {
        case whole
        case part(Range<Int64>)
        case outside

        init(_ header: String?, size: Int64) {
            guard let header, header.hasPrefix("bytes="), !header.contains(",") else {
                self = .whole
                return
            }
            let ends = header.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count == 2 else {
                self = .whole
                return
            }
            switch (Int64(ends[0]), Int64(ends[1])) {
            case (let first?, let last?) where first <= last && first < size:
                self = .part(first..<(min(last, size - 1) + 1))
            case (let first?, nil) where ends[1].isEmpty && first < size: self = .part(first..<size)
            case (nil, let count?) where ends[0].isEmpty && count > 0 && size > 0:
                self = .part(max(0, size - count)..<size)
            case (.some, _), (_, .some): self = .outside
            default: self = .whole
            }
        }
    }
}
