package import PipelineKit

/// Which steps a post may take: the rules that keep it to one post.
package enum PostTransition {
    /// Whether a post in state `from` may take `change`.
    ///
    /// An `unconfirmed` post leaves that state only by the destination's or a person's word, never by a new request.
    /// A published post never leaves its state.
    package static func isAllowed(from: PostState, _ change: PostChange) -> Bool {
        switch (from, change) {
        case (.reserved, .sending), (.reserved, .failed): true
        case (.sending, .accepted), (.sending, .failed), (.sending, .unconfirmed): true
        case (.accepted, .uploaded), (.accepted, .published), (.accepted, .failed), (.accepted, .unconfirmed): true
        case (.uploaded, .published), (.uploaded, .failed), (.uploaded, .unconfirmed): true
        case (.unconfirmed, .published), (.unconfirmed, .failed): true
        // Repeated after a crash between the destination's answer and the record.
        case (.uploaded, .uploaded), (.published, .published), (.unconfirmed, .unconfirmed), (.failed, .failed): true
        default: false
        }
    }

    /// Why a post can't take a change: another process may have taken it further.
    package static func refusal(_ record: PostRecord, _ change: PostChange) -> StageError {
        StageError(
            .internalFault, "post \(record.id) is \(record.state.rawValue) and can't become \(change.state.rawValue)",
            hint: "another run may have taken it further: see `spreader-pipeline posts list`")
    }
}
