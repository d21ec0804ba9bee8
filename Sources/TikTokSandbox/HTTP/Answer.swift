import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// The response of an endpoint, before faults change it.
struct Answer: Sendable {
    var status: Int
    var headers = HTTPFields()
    var body = Data()
    /// The post, for the request log.
    var publishID: String?
    /// The error code, for the request log.
    var code: String?

    static func json(_ value: SandboxJSON, status: Int = 200) -> Answer {
        var answer = Answer(status: status, body: value.encoded())
        answer.headers[.contentType] = "application/json; charset=utf-8"
        answer.headers[.cacheControl] = "no-store"
        return answer
    }

    static func text(_ text: String, status: Int) -> Answer {
        var answer = Answer(status: status, body: Data(text.utf8))
        answer.headers[.contentType] = "text/plain; charset=utf-8"
        return answer
    }

    /// A successful response in the envelope of `/v2/post/…` and `/v2/user/…`.
    static func envelope(_ data: SandboxJSON, logID: String, publishID: String? = nil) -> Answer {
        var answer = json(["data": data, "error": ["code": "ok", "message": "", "log_id": .string(logID)]])
        answer.publishID = publishID
        return answer
    }

    /// An error in the envelope. TikTok's recorded responses have an empty `data` with status 401 and none with others.
    static func envelope(_ error: APIError, logID: String) -> Answer {
        var members: [String: SandboxJSON] = [
            "error": ["code": .string(error.code), "message": .string(error.message), "log_id": .string(logID)]
        ]
        if error.status == 401 || error.status == 200 { members["data"] = [:] }
        var answer = json(.object(members), status: error.status)
        answer.code = error.code
        return answer
    }

    /// An error of the OAuth endpoints.
    static func oauth(_ error: OAuthError, logID: String, always200: Bool) -> Answer {
        var answer = json(
            ["error": .string(error.error), "error_description": .string(error.description), "log_id": .string(logID)],
            status: always200 ? 200 : error.status)
        answer.code = error.error
        return answer
    }

    /// An error of the upload host.
    static func upload(_ refusal: UploadRefusal) -> Answer {
        var answer = text(refusal.message + "\n", status: refusal.status)
        answer.headers[.contentRange] = refusal.contentRange
        answer.publishID = refusal.publishID
        return answer
    }

    var response: Response {
        Response(
            status: HTTPResponse.Status(code: status), headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}
