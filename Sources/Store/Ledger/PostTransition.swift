import PipelineKit

/// The state machine of a post, which prevents duplicates.
enum PostTransition {
    /// Whether a post in state `from` allows `change`.
    ///
    /// Only the service or a person can settle an `unconfirmed` post, never a new request. A `published` post stays so.
    static func isAllowed(from: PostState, _ change: PostChange) -> Bool {
        switch (from, change) {
        case (.reserved, .sending), (.reserved, .failed): true
        case (.sending, .accepted), (.sending, .failed), (.sending, .unconfirmed): true
        case (.accepted, .uploaded), (.accepted, .published), (.accepted, .failed), (.accepted, .unconfirmed): true
        case (.uploaded, .published), (.uploaded, .failed), (.uploaded, .unconfirmed): true
        case (.unconfirmed, .published), (.unconfirmed, .failed): true
        // Repeated after a crash between the service's response and the ledger entry.
        case (.uploaded, .uploaded), (.published, .published), (.unconfirmed, .unconfirmed), (.failed, .failed): true
        default: false
        }
    }
}
