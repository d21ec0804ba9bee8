/// The `post` section of a pipeline file: caption, audience and other settings of the post.
///
/// The rules come from TikTok's direct-post reference. Drafts (`mode: inbox`) are sent without these settings.
public struct PostSettings: StageOptions, Hashable {
    @StageOption(
        "Caption. `{{ name }}` is the footage's file name without extension, `{{ date }}` the day of the run, `{{ part }}` and `{{ parts }}` the number of the part and the number of parts of split footage; `fields` adds more placeholders. At most 2,200 UTF-16 units."
    )
    public var title = "{{ name }}"
    @StageOption(
        "Your own placeholders for the title. Values in a sidecar take precedence over the pipeline's; a null value must be set in the sidecar."
    )
    public var fields = PostFields()
    @StageOption("Hashtags to append to the title unless it already contains them; they count towards its length.")
    public var hashtags = Hashtags()
    @StageOption("Who may see the post; must be one of the options of the creator's account.")
    public var privacyLevel = PrivacyLevel.selfOnly
    @StageOption("Whether comments are turned off.")
    public var disableComment = false
    @StageOption("Whether duets are turned off.")
    public var disableDuet = false
    @StageOption("Whether stitches are turned off.")
    public var disableStitch = false
    @StageOption("The time of the frame to use as the cover; defaults to the first frame.")
    public var cover: Duration? = nil
    @StageOption("Whether the post is a paid partnership for a third party.")
    public var brandContent = false
    @StageOption("Whether the post promotes the creator's own business.")
    public var brandOrganic = false
    @StageOption("Whether the post is labelled as AI-generated.")
    public var aigc = false
    @StageOption("`direct` publishes with these settings; `inbox` sends a draft that the creator finishes in the app.")
    public var mode = PostMode.direct
    @StageOption(
        "When to create the post: a date and time with a UTC offset, or a delay after the start of the run such as `+2h`; defaults to immediately."
    )
    public var schedule: PostTime? = nil

    public init() {}

    /// The maximum length of a caption at TikTok, in UTF-16 code units.
    public static let longestTitle = 2200
}

/// The audience of a post, in TikTok's terms.
public enum PrivacyLevel: String, Sendable, Codable, CaseIterable {
    case publicToEveryone = "PUBLIC_TO_EVERYONE"
    /// Friends: followers whom the creator follows back.
    case mutualFollowFriends = "MUTUAL_FOLLOW_FRIENDS"
    /// Followers; offered for private accounts.
    case followerOfCreator = "FOLLOWER_OF_CREATOR"
    /// Private: only the creator can see it.
    case selfOnly = "SELF_ONLY"
}

extension PrivacyLevel: OptionValue {}
extension PostMode: OptionValue {}
