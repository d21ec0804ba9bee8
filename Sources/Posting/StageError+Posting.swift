package import PipelineKit

extension StageError {
    /// The error for a post whose outcome is unknown. Only a status call, a webhook or a person can resolve it: a second
    /// request could publish it twice.
    /// - Parameter record: The unconfirmed post; its `reason` becomes part of the message.
    package static func unconfirmed(_ record: PostRecord) -> StageError {
        StageError(
            .unconfirmed,
            "the post \(record.id) is unconfirmed: \(record.reason ?? "its outcome is unknown"); it is never sent again automatically",
            hint: "check the account in the TikTok app, and see `spreader-pipeline posts list`",
            recovery: .ambiguous)
    }
}
