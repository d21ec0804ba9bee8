package import PipelineKit

extension StageError {
    /// The error for a failed v2 API call that is safe to repeat.
    package init(tiktok failure: APIFailure) {
        switch failure {
        case .refused(let refusal): self.init(tiktok: refusal)
        case .unintelligible(let status, let detail, let retryAfter):
            self = .unreadable(status: status, detail: detail, retryAfter: retryAfter)
        case .transport(let failure): self.init(tiktok: failure)
        }
    }

    /// The error for an error response: from `TikTokErrorTable` if the code is listed, otherwise from the HTTP status.
    package init(tiktok refusal: APIRefusal) {
        let cause = [refusal.message, refusal.logID.map { "log id \($0)" } ?? "", "HTTP \(refusal.status)"]
            .filter { !$0.isEmpty }.joined(separator: "; ")
        guard let entry = TikTokErrorTable.api[refusal.code] else {
            self = .unknownCode(refusal, cause: cause)
            return
        }
        self.init(entry, tiktokCode: refusal.code, retryAfter: refusal.retryAfter, cause: cause)
    }

    /// The error for an error response of an OAuth endpoint.
    package init(tiktokLogin refusal: APIRefusal) {
        let cause = refusal.logID.map { "\(refusal.message); log id \($0)" } ?? refusal.message
        let entry =
            TikTokErrorTable.oauth[refusal.code]
            ?? .init(
                .notAuthorised, "TikTok refused the login", hint: TikTokErrorTable.freshLogin, outcome: .notAuthorised)
        self.init(entry, tiktokCode: refusal.code, retryAfter: refusal.retryAfter, cause: cause)
    }

    /// The error for a post that the service rejected after accepting it.
    package init(tiktokFailReason reason: String) {
        let entry =
            TikTokErrorTable.failReasons[reason]
            ?? .init(
                .refused, "TikTok rejected the post", hint: "check the reason and the account; nothing was posted",
                outcome: .failed)
        self.init(entry, tiktokCode: reason, retryAfter: nil, cause: "fail_reason \(reason)")
    }

    /// The error for a failed HTTP exchange that is safe to repeat.
    package init(tiktok failure: TransportFailure) {
        switch failure.kind {
        case .cancelled: self = .cancelled
        case .file: self.init(.fileSystem, failure.detail, hint: "run the same command again")
        case .unreachable:
            self.init(
                .unavailable, "TikTok's API could not be reached", hint: "check the network and TIKTOK_API_BASE_URL",
                recovery: .transient(after: nil), cause: failure.detail)
        case .timeout, .broken, .oversized:
            self.init(
                .unavailable, "TikTok's API sent no complete response", hint: "try again later",
                recovery: .transient(after: nil), cause: failure.detail)
        }
    }

    /// Whether a status call failed because the service does not know the publish id. That proves nothing: it may have
    /// published the post before it forgot the id.
    package var isUnknownPublishID: Bool { code == .refused && outcome == .failed }

    private init(_ entry: TikTokErrorTable.Entry, tiktokCode: String, retryAfter: Double?, cause: String) {
        var recovery = entry.recovery
        switch (recovery, retryAfter) {
        case (.limited, let seconds?): recovery = .limited(after: seconds)
        case (.transient, let seconds?): recovery = .transient(after: seconds)
        default: break
        }
        self.init(
            entry.code, "\(entry.message) [\(tiktokCode)]", hint: entry.hint, recovery: recovery,
            outcome: entry.outcome, cause: cause)
    }

    private static func unknownCode(_ refusal: APIRefusal, cause: String) -> StageError {
        let message = "TikTok refused the request [\(refusal.code)]"
        switch refusal.status {
        case 401:
            return StageError(.notAuthorised, message, hint: TikTokErrorTable.freshLogin, cause: cause)
        case 429:
            return StageError(
                .limited, message, hint: "try again later", recovery: .limited(after: refusal.retryAfter ?? 60),
                cause: cause)
        case 500...599:
            return StageError(
                .unavailable, message, hint: "try again later", recovery: .transient(after: refusal.retryAfter),
                cause: cause)
        default:
            return StageError(.refused, message, hint: "see the cause", cause: cause)
        }
    }

    private static func unreadable(status: Int, detail: String, retryAfter: Double?) -> StageError {
        let cause = "HTTP \(status), \(detail)"
        switch status {
        case 429:
            return StageError(
                .limited, "TikTok's rate limit is reached [HTTP 429]", hint: "try again in a minute",
                recovery: .limited(after: retryAfter ?? 60), cause: cause)
        case 300...399:
            return StageError(
                .unavailable, "TikTok's API answered with a redirect, which is not followed",
                hint: "check TIKTOK_API_BASE_URL", cause: cause)
        default:
            return StageError(
                .unavailable, "TikTok's API sent an unreadable response [HTTP \(status)]",
                hint: "try again later, and check TIKTOK_API_BASE_URL", recovery: .transient(after: retryAfter),
                cause: cause)
        }
    }
}
