import Crypto
import Foundation
import PipelineKit

/// The access keys of an S3-compatible service.
struct AWSCredentials: Sendable {
    var accessKey: String
    var secretKey: Secret
    /// Only for temporary keys.
    var sessionToken: Secret?
}

/// Signs requests with AWS Signature Version 4 in the Authorization header.
struct AWSSignature: Sendable {
    let credentials: AWSCredentials
    let region: String

    /// Returns the headers of a signed request.
    /// - Parameters:
    ///   - path: The absolute path, percent-encoded.
    ///   - query: Names and values, not encoded.
    ///   - headers: The headers to sign, including `host`; names in lower case.
    ///   - payload: SHA-256 of the body in hex.
    func headers(
        _ method: String, path: String, query: [(name: String, value: String)], headers: [String: String],
        payload: String, at date: Date
    ) -> [String: String] {
        let timestamp = date.formatted(
            .verbatim(
                """
                \(year: .padded(4))\(month: .twoDigits)\(day: .twoDigits)T\
                \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased))\(minute: .twoDigits)\
                \(second: .twoDigits)Z
                """, timeZone: .gmt, calendar: Calendar(identifier: .gregorian)))
        var signed = headers
        signed["x-amz-date"] = timestamp
        signed["x-amz-content-sha256"] = payload
        signed["x-amz-security-token"] = credentials.sessionToken?.reveal()
        let names = signed.keys.sorted()
        let canonicalRequest = [
            method, path, Self.text(query),
            names.map { "\($0):\(signed[$0]?.trimmingCharacters(in: .whitespaces) ?? "")\n" }.joined(),
            names.joined(separator: ";"), payload,
        ].joined(separator: "\n")
        let day = String(timestamp.prefix(8))
        let scope = "\(day)/\(region)/s3/aws4_request"
        let stringToSign = "AWS4-HMAC-SHA256\n\(timestamp)\n\(scope)\n\(ContentDigest.sha256(canonicalRequest))"
        var key = SymmetricKey(data: Data("AWS4\(credentials.secretKey.reveal())".utf8))
        for part in [day, region, "s3", "aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Data(part.utf8), using: key))
        }
        let signature = HMAC<SHA256>.authenticationCode(for: Data(stringToSign.utf8), using: key).lowercaseHex
        signed["authorization"] = """
            AWS4-HMAC-SHA256 Credential=\(credentials.accessKey)/\(scope),\
            SignedHeaders=\(names.joined(separator: ";")),Signature=\(signature)
            """
        return signed
    }

    /// The query string, sorted and encoded as the signature requires.
    static func text(_ query: [(name: String, value: String)]) -> String {
        query.map { (encode($0.name), encode($0.value)) }.sorted { $0 < $1 }.map { "\($0)=\($1)" }
            .joined(separator: "&")
    }

    /// Percent-encodes everything but unreserved characters, and optionally slashes.
    static func encode(_ text: String, keepingSlashes: Bool = false) -> String {
        var encoded = ""
        for byte in text.utf8 {
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || [0x2D, 0x2E, 0x5F, 0x7E].contains(byte) || (keepingSlashes && byte == 0x2F)
            encoded += isPlain ? String(UnicodeScalar(byte)) : String(format: "%%%02X", byte)
        }
        return encoded
    }
}
