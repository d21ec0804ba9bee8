/// What the post says and who may see it: the `post` part of a pipeline file.
///
/// The rules are those of TikTok's direct-post reference; drafts (`mode: inbox`) carry none of it.
public struct PostSettings: StageOptions, Hashable {
    @StageOption(
        "Caption. `{{ name }}` is the footage's file name without extension, `{{ date }}` the day of the run, `{{ part }}` and `{{ parts }}` the number of a part and of all parts of split footage, and `fields` gives more. At most 2,200 UTF-16 units."
    )
    public var title = "{{ name }}"
    @StageOption(
        "Values of your own for the title's placeholders; a sidecar's come before the pipeline's, and one that is null has to be in the sidecar."
    )
    public var fields = PostFields()
    @StageOption("Hashtags that follow the title, unless it has them already; they count towards its length.")
    public var hashtags = Hashtags()
    @StageOption("Who may see the post; it must be among the options of the creator's account.")
    public var privacyLevel = PrivacyLevel.selfOnly
    @StageOption("Whether comments are turned off.")
    public var disableComment = false
    @StageOption("Whether duets are turned off.")
    public var disableDuet = false
    @StageOption("Whether stitches are turned off.")
    public var disableStitch = false
    @StageOption("The moment whose frame is the cover; the first frame when left out.")
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
        "When the post is created: a moment with its offset, or `+2h` after the run began; at once when left out.")
    public var schedule: PostMoment? = nil

    /// The defaults.
    public init() {}

    /// The longest caption that TikTok takes, in UTF-16 code units.
    public static let longestTitle = 2200
}

/// Who may see a post, in TikTok's words.
public enum PrivacyLevel: String, Sendable, Codable, CaseIterable {
    /// Everyone.
    case publicToEveryone = "PUBLIC_TO_EVERYONE"
    /// Friends: followers that the creator follows back.
    case mutualFollowFriends = "MUTUAL_FOLLOW_FRIENDS"
    /// Followers, on private accounts.
    case followerOfCreator = "FOLLOWER_OF_CREATOR"
    /// The creator alone.
    case selfOnly = "SELF_ONLY"
}

extension PrivacyLevel: OptionValue {}
extension PostMode: OptionValue {}
