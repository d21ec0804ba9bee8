import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// The response of an endpoint, before faults change it.
struct EndpointResponse: Sendable {
    var status: Int
    var headers = HTTPFields()
    var body = Data()
    /// The post, for the request log.
    var publishID: String?
    /// The error code, for the request log.
    var code: String?

    static func json(_ value: SandboxJSON, status: Int = 200) -> EndpointResponse {
        var response = EndpointResponse(status: status, body: value.encoded())
        response.headers[.contentType] = "application/json; charset=utf-8"
        response.headers[.cacheControl] = "no-store"
        return response
    }

    static func text(_ text: String, status: Int) -> EndpointResponse {
        var response = EndpointResponse(status: status, body: Data(text.utf8))
        response.headers[.contentType] = "text/plain; charset=utf-8"
        return response
    }

    /// An HTML page whose Content-Security-Policy allows only same-origin requests and its own inline style and script.
    static func page(
        _ html: String, nonce: String, status: Int = 200, formTargets: String = "'self'"
    ) -> EndpointResponse {
        var response = EndpointResponse(status: status, body: Data(html.utf8))
        response.headers[.contentType] = "text/html; charset=utf-8"
        response.headers[.cacheControl] = "no-store"
        response.headers[.contentSecurityPolicy] = [
            "default-src 'none'", "img-src 'self'", "media-src 'self'", "connect-src 'self'",
            "style-src 'nonce-\(nonce)'", "script-src 'nonce-\(nonce)'", "form-action \(formTargets)",
            "base-uri 'none'", "frame-ancestors 'none'",
        ].joined(separator: "; ")
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }

    /// A successful response in the envelope of `/v2/post/…` and `/v2/user/…`.
    static func envelope(_ data: SandboxJSON, logID: String, publishID: String? = nil) -> EndpointResponse {
        var response = json(["data": data, "error": ["code": "ok", "message": "", "log_id": .string(logID)]])
        response.publishID = publishID
        return response
    }

    /// An error in the envelope. TikTok's recorded responses have an empty `data` with status 401 and none with others.
    static func envelope(_ error: APIError, logID: String) -> EndpointResponse {
        var members: [String: SandboxJSON] = [
            "error": ["code": .string(error.code), "message": .string(error.message), "log_id": .string(logID)]
        ]
        if error.status == 401 || error.status == 200 { members["data"] = [:] }
        var response = json(.object(members), status: error.status)
        response.code = error.code
        return response
    }

    /// An error of the OAuth endpoints.
    static func oauth(_ error: OAuthError, logID: String, always200: Bool) -> EndpointResponse {
        var response = json(
            ["error": .string(error.error), "error_description": .string(error.description), "log_id": .string(logID)],
            status: always200 ? 200 : error.status)
        response.code = error.error
        return response
    }

    /// An error of the upload host.
    static func upload(_ refusal: UploadRefusal) -> EndpointResponse {
        var response = text(refusal.message + "\n", status: refusal.status)
        response.headers[.contentRange] = refusal.contentRange
        response.publishID = refusal.publishID
        return response
    }

    var response: Response {
        Response(
            status: HTTPResponse.Status(code: status), headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}

/// So that routes can return it.
extension EndpointResponse: ResponseGenerator {
    func response(from request: Request, context: some RequestContext) -> Response { response }
}
