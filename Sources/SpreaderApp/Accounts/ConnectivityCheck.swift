import Foundation
package import PipelineKit
import TikTok

/// Checks whether TikTok answers, for `doctor`.
package struct ConnectivityCheck {
    /// The time from request to response.
    package var roundTrip: Duration
    /// How far this machine's clock is ahead of the service's, in seconds; nil if the response has no `Date` header.
    package var clockSkew: Double?

    /// Checks a token with TikTok.
    /// - Returns: A line to show to the user.
    /// - Throws: `StageError` if TikTok refuses the token or does not answer.
    package static func account(settings: [String: String], token: Secret) async throws(StageError) -> String {
        let configuration = try TikTokConfiguration(settings: settings)
        return try await HTTPTransport.with(configuration) { (transport) throws(StageError) in
            do throws(APIFailure) {
                let creator = try await TikTokClient(configuration, transport: transport).creatorInfo(token: token)
                return "TikTok accepts the token\(creator.username.map { " of @\($0)" } ?? "")"
            } catch {
                throw StageError(tiktok: error)
            }
        }
    }

    /// Sends a request without credentials; any response will do.
    /// - Throws: `StageError` if there is no response.
    package static func measure(settings: [String: String]) async throws(StageError) -> ConnectivityCheck {
        let configuration = try TikTokConfiguration(settings: settings)
        return try await HTTPTransport.with(configuration) { (transport) throws(StageError) in
            let clock = ContinuousClock()
            let start = clock.now
            let response: TransportResponse
            do throws(TransportFailure) {
                response = try await transport.send(
                    TransportRequest(
                        method: "GET", url: configuration.apiBaseURL + "/v2/user/info/", headers: [], body: .empty,
                        timeout: .seconds(10)))
            } catch {
                throw StageError(tiktok: error)
            }
            let roundTrip = clock.now - start
            return ConnectivityCheck(roundTrip: roundTrip, clockSkew: response.headers["date"].flatMap(skew))
        }
    }

    private static func skew(_ header: String) -> Double? {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = .gmt
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        return formatter.date(from: header).map { Date().timeIntervalSince($0) }
    }
}
