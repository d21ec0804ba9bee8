import HTTPTypes
import Hummingbird
import NIOCore

extension StoredVideo {
    /// Serves the file with support for `Range`, so that browsers can seek.
    func response(to request: Request) throws -> Response {
        var headers: HTTPFields = [
            .contentType: contentType, .acceptRanges: "bytes", .cacheControl: "no-store",
            .xContentTypeOptions: "nosniff",
        ]
        var range: Range<Int64> = 0..<size
        var status = HTTPResponse.Status.ok
        switch RequestedRange(request.headers[.range], size: size) {
        case .whole: break
        case .partial(let part):
            range = part
            status = .partialContent
            headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)"
        case .unsatisfiable:
            headers[.contentRange] = "bytes */\(size)"
            return Response(status: .rangeNotSatisfiable, headers: headers)
        }
        if request.method == .head {
            headers[.contentLength] = String(range.count)
            return Response(status: status, headers: headers)
        }
        return Response(status: status, headers: headers, body: try body(of: range))
    }

    private func body(of range: Range<Int64>) throws -> ResponseBody {
        let handle = try PosixFile(file, .read)
        return ResponseBody(contentLength: range.count) { writer in
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
    }
}
