import Crypto
package import Foundation
package import PipelineKit

/// The header that proves a webhook to be TikTok's: `t=SECONDS,s=HEX`, where `s` is the HMAC-SHA256 of `SECONDS.BODY`
/// under the app's secret.
package enum WebhookSignature {
    /// The header's name.
    package static let header = "TikTok-Signature"

    /// Why a webhook is not believed.
    package enum Refusal: Error, Sendable, Hashable {
        /// The header is missing or can't be read.
        case malformed
        /// It was signed with another secret, or the body was changed.
        case forged
        /// It was signed too long ago, or in the future.
        case stale
    }

    /// Checks a header against the raw body, before anything of it is read.
    /// - Parameters:
    ///   - tolerance: How far the time of signing may lie from `now`. TikTok sets none; its deliveries go on for 72 hours.
    /// - Throws: `Refusal`.
    package static func verify(
        _ header: String?, body: Data, secret: Secret, now: Date, tolerance: Duration
    ) throws(Refusal) {
        guard let header, header.utf8.count <= 1024 else { throw .malformed }
        var moment: String?
        var code: String?
        for part in header.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard pair.count == 2 else { continue }
            if pair[0] == "t" { moment = pair[1] }
            if pair[0] == "s" { code = pair[1] }
        }
        guard let moment, let code, let seconds = Int64(moment), seconds >= 0 else { throw .malformed }
        let own = HMAC<SHA256>.authenticationCode(
            for: Data(moment.utf8) + Data(".".utf8) + body, using: SymmetricKey(data: Data(secret.reveal().utf8)))
        let expected = own.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        guard ConstantTime.areEqual(code.lowercased(), expected) else { throw .forged }
        guard abs(now.timeIntervalSince1970 - Double(seconds)) <= tolerance.inSeconds else { throw .stale }
    }
}
