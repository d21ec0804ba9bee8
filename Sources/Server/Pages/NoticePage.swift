import HTTPTypes
import Hummingbird
import Mustache
import NIOCore

/// A static HTML page with a title and a few lines, for the result of a login or an error.
struct NoticePage: Sendable {
    var title: String
    var lines: [String]
    var isGood: Bool

    /// Returns a response that no cache stores, and whose page loads no resources and runs no scripts.
    /// - Parameter onSent: Called after the body has been written.
    /// - Throws: An error if the template of the page is invalid.
    func response(
        _ status: HTTPResponse.Status = .ok, onSent: @escaping @Sendable () -> Void = {}
    ) throws -> Response {
        var headers = HTTPFields()
        headers[.contentType] = "text/html; charset=utf-8"
        headers[.cacheControl] = "no-store"
        headers[.contentSecurityPolicy] =
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
        headers[.xContentTypeOptions] = "nosniff"
        // The page's URL contains the login's code.
        headers[.init("Referrer-Policy") ?? .referer] = "no-referrer"
        let html = ByteBuffer(string: try Self.template.get().render(self))
        let body = ResponseBody(contentLength: html.readableBytes) { writer in
            try await writer.write(html)
            try await writer.finish(nil)
            onSent()
        }
        return Response(status: status, headers: headers, body: body)
    }

    private static let template = Result {
        try MustacheTemplate(
            string: """
                <!doctype html>
                <html lang="en">
                <head>
                <meta charset="utf-8">
                <meta name="viewport" content="width=device-width, initial-scale=1">
                <title>{{title}}</title>
                <style>
                :root { color-scheme: light dark }
                body { font: 16px/1.5 system-ui, sans-serif; margin: 15vh auto 0; max-width: 32rem; padding: 0 1.5rem }
                h1 { font-size: 1.4rem; margin: 0 0 .5rem }
                h1::before { margin-right: .5rem }
                h1.good::before { content: "✓"; color: #1a8f4c }
                h1.bad::before { content: "✗"; color: #c5303e }
                p { margin: .4rem 0 }
                </style>
                </head>
                <body>
                <h1 class="{{#isGood}}good{{/isGood}}{{^isGood}}bad{{/isGood}}">{{title}}</h1>
                {{#lines}}
                <p>{{.}}</p>
                {{/lines}}
                </body>
                </html>
                """)
    }
}
