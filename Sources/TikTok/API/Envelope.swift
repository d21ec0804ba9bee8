import Foundation

/// An error response of the service.
package struct APIRefusal: Sendable, Hashable {
    /// The HTTP status; error responses may have status 200.
    package var status: Int
    /// The stable code, such as `invalid_params`.
    package var code: String
    /// The service's message, truncated, redacted and without control characters.
    package var message: String
    /// The service's id for the exchange, for support requests.
    package var logID: String?
    /// The number of seconds to wait, from `Retry-After`; nil if absent.
    package var retryAfter: Double?

    package init(status: Int, code: String, message: String = "", logID: String? = nil, retryAfter: Double? = nil) {
        self.status = status
        self.code = code
        self.message = message
        self.logID = logID
        self.retryAfter = retryAfter
    }
}

/// Why an API call failed.
package enum APIFailure: Error, Sendable, Hashable {
    /// The service returned an error code.
    case refused(APIRefusal)
    /// The response is not a valid response of this endpoint.
    case unintelligible(status: Int, detail: String, retryAfter: Double?)
    /// The response is missing or incomplete.
    case transport(TransportFailure)
}

/// The response format of `/v2/user`, `/v2/video` and `/v2/post`: `{"data": …, "error": {"code": "ok", …}}`.
package enum Envelope {
    private struct Status: Decodable {
        struct Details: Decodable {
            var code: String
            var message: String?
            var log_id: String?
            var logid: String?
        }
        var error: Details
    }

    private struct Payload<Value: Decodable>: Decodable {
        var data: Value
    }

    /// Parses a response. Only `error.code == "ok"` with a 2xx status is success; `data` may be absent on failure.
    package static func parse<Value: Decodable>(
        _ response: TransportResponse, as type: Value.Type
    ) throws(APIFailure) -> Value {
        let status: Status
        do {
            status = try JSONDecoder().decode(Status.self, from: response.body)
        } catch {
            throw .unintelligible(
                status: response.status,
                detail: response.body.isEmpty ? "an empty response" : "a response without a TikTok envelope",
                retryAfter: response.retryAfter)
        }
        guard status.error.code == "ok" else {
            throw .refused(
                APIRefusal(
                    status: response.status, code: RemoteText.code(status.error.code),
                    message: RemoteText.line(status.error.message ?? ""),
                    logID: (status.error.log_id ?? status.error.logid).map(RemoteText.line),
                    retryAfter: response.retryAfter))
        }
        guard (200...299).contains(response.status) else {
            throw .unintelligible(
                status: response.status, detail: "code \"ok\" with an HTTP error status",
                retryAfter: response.retryAfter)
        }
        do {
            return try JSONDecoder().decode(Payload<Value>.self, from: response.body).data
        } catch {
            throw .unintelligible(
                status: response.status, detail: "a response without the expected data", retryAfter: nil)
        }
    }
}

/// Sanitises text from the network for messages and logs.
enum RemoteText {
    /// Returns one line of at most 300 characters, without control characters, and with token-like words redacted.
    static func line(_ text: String) -> String {
        let plain = String(text.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? " " : Character($0) })
        return plain.prefix(300).split(separator: " ").map { word in
            let isToken = ["act.", "rft.", "clt.", "upload_token="].contains { word.contains($0) }
            return isToken ? "‹redacted›" : String(word)
        }.joined(separator: " ")
    }

    /// Returns at most 80 letters, digits, `_`, `-` and `.`; `unnamed` if none remain.
    static func code(_ text: String) -> String {
        let kept = text.filter { $0.isASCII && ($0.isLetter || $0.isNumber || "_-.".contains($0)) }.prefix(80)
        return kept.isEmpty ? "unnamed" : String(kept)
    }
}

/// A 64-bit integer encoded as a number or a string: post ids exceed 2^53, and some responses quote them.
struct LenientInt64: Decodable, Sendable {
    let value: Int64

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int64.self) {
            value = number
        } else if let number = Int64(try container.decode(String.self)) {
            value = number
        } else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a 64-bit integer")
        }
    }
}
