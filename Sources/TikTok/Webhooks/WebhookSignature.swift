import Crypto
package import Foundation
package import PipelineKit

/// Verifies that a webhook comes from TikTok. The header is `t=SECONDS,s=HEX`, where `s` is the HMAC-SHA256 of
/// `SECONDS.BODY` with the app's secret.
package enum WebhookSignature {
    package static let header = "TikTok-Signature"

    /// Why a webhook was rejected.
    package enum Refusal: Error, Sendable, Hashable {
        /// The header is missing or malformed.
        case malformed
        /// The signature was made with another secret, or the body was changed.
        case forged
        /// The signing time is too long ago.
        case expired
        /// The signing time is too far in the future, so one of the clocks is wrong.
        case postdated
    }

    /// Verifies the header against the raw body. Call this before parsing the body.
    /// - Parameters:
    ///   - tolerance: How far the signing time may differ from `now`. TikTok specifies no limit; it repeats deliveries
    ///     for 72 hours.
    /// - Throws: `Refusal`.
    package static func verify(
        _ header: String?, body: Data, secret: Secret, now: Date, tolerance: Duration
    ) throws(Refusal) {
        guard let header, header.utf8.count <= 1024 else { throw .malformed }
        var timestamp: String?
        var code: String?
        for part in header.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard pair.count == 2 else { continue }
            if pair[0] == "t" { timestamp = pair[1] }
            if pair[0] == "s" { code = pair[1] }
        }
        guard let timestamp, let code, let seconds = Int64(timestamp), seconds >= 0 else { throw .malformed }
        let expected = HMAC<SHA256>.authenticationCode(
            for: Data(timestamp.utf8) + Data(".".utf8) + body, using: SymmetricKey(data: Data(secret.reveal().utf8)))
        guard ConstantTime.areEqual(code.lowercased(), expected.lowercaseHex) else { throw .forged }
        let age = now.timeIntervalSince1970 - Double(seconds)
        guard age <= tolerance.inSeconds else { throw .expired }
        guard age >= -tolerance.inSeconds else { throw .postdated }
    }
}
