import PipelineKit

/// Which steps a post may take: the rules that keep it to one post.
enum PostTransition {
    /// Whether a post that stands at `from` may take `change`.
    ///
    /// An `unconfirmed` post leaves that state only by what the service or a person says, never by a new request;
    /// a published one never leaves it.
    static func isAllowed(from: PostState, _ change: PostChange) -> Bool {
        switch (from, change) {
        case (.reserved, .sending), (.reserved, .failed): true
        case (.sending, .accepted), (.sending, .failed), (.sending, .unconfirmed): true
        case (.accepted, .uploaded), (.accepted, .published), (.accepted, .failed), (.accepted, .unconfirmed): true
        case (.uploaded, .published), (.uploaded, .failed), (.uploaded, .unconfirmed): true
        case (.unconfirmed, .published), (.unconfirmed, .failed): true
        // Said again after a crash between the remote answer and the record.
        case (.uploaded, .uploaded), (.published, .published), (.unconfirmed, .unconfirmed), (.failed, .failed): true
        default: false
        }
    }
}
