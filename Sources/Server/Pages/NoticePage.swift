import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import PipelineKit

/// A static HTML page with a title and a few lines, for the result of a login or an error.
struct NoticePage: Sendable {
    var title: String
    var lines: [String]
    var isGood: Bool

    /// Returns a response that no cache stores, and whose page loads no resources and runs no scripts.
    /// - Parameter sent: Called after the body has been written.
    func response(
        _ status: HTTPResponse.Status = .ok, sent: @escaping @Sendable () -> Void = {}
    ) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = "text/html; charset=utf-8"
        headers[.cacheControl] = "no-store"
        headers[.contentSecurityPolicy] =
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
        headers[.xContentTypeOptions] = "nosniff"
        // The page's URL contains the login's code.
        headers[.init("Referrer-Policy") ?? .referer] = "no-referrer"
        let buffer = ByteBuffer(string: html)
        let body = ResponseBody(contentLength: buffer.readableBytes) { writer in
            try await writer.write(buffer)
            try await writer.finish(nil)
            sent()
        }
        return Response(status: status, headers: headers, body: body)
    }

    private var html: String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(XMLText.escaped(title))</title>
        <style>
        :root { color-scheme: light dark }
        body { font: 16px/1.5 system-ui, sans-serif; margin: 15vh auto 0; max-width: 32rem; padding: 0 1.5rem }
        h1 { font-size: 1.4rem; margin: 0 0 .5rem }
        h1::before { content: "\(isGood ? "✓" : "✗")"; color: \(isGood ? "#1a8f4c" : "#c5303e"); margin-right: .5rem }
        p { margin: .4rem 0 }
        </style>
        </head>
        <body>
        <h1>\(XMLText.escaped(title))</h1>
        \(lines.map { "<p>\(XMLText.escaped($0))</p>" }.joined(separator: "\n"))
        </body>
        </html>
        """
    }
}
