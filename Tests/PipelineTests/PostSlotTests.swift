import Posting
import Testing

/// The names of posts in the ledger.
@Suite struct PostSlotTests {
    @Test(arguments: [
        ("tiktok", PostSlot(pipeline: "tiktok")),
        ("tiktok#2/5", PostSlot(pipeline: "tiktok", part: 2, of: 5)),
        ("tiktok#/5", PostSlot(pipeline: "tiktok", of: 5)),
        ("tiktok#run-1", PostSlot(pipeline: "tiktok", repost: "run-1")),
        ("tiktok#2/5#run-1", PostSlot(pipeline: "tiktok", part: 2, of: 5, repost: "run-1")),
    ])
    func textAndSlotAreTheSame(_ text: String, _ slot: PostSlot) {
        #expect(slot.description == text)
        #expect(PostSlot(text, pipeline: "tiktok") == slot)
    }

    @Test func namesOfPipelinesMayContainTheSeparator() {
        #expect(PostSlot("a#b#1/2", pipeline: "a#b") == PostSlot(pipeline: "a#b", part: 1, of: 2))
    }

    @Test(arguments: ["tiktok-b", "other", "other#1/2", ""])
    func slotsOfOtherPipelinesAreNone(_ text: String) { #expect(PostSlot(text, pipeline: "tiktok") == nil) }

    @Test func seriesPrefixMatchesPartsAndReposts() {
        let key = PostKey(account: "me", digest: "d", slot: PostSlot(pipeline: "tiktok"))
        #expect(PostSlot(pipeline: "tiktok", part: 1, of: 2).description.hasPrefix(key.seriesPrefix))
        #expect(PostSlot(pipeline: "tiktok", repost: "run-1").description.hasPrefix(key.seriesPrefix))
        #expect(!key.slot.hasPrefix(key.seriesPrefix))
    }
}
