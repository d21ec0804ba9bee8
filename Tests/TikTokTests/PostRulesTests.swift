import PipelineKit
import Testing

@testable import TikTok

@Suite struct PostRulesTests {
    @Test(
        arguments: [
            ("Out now#launch", "#launch"), ("a #b#c", "#c"), ("#a #b\n#c", nil), ("## no tag", nil),
            ("{{ name }} #x", nil),
        ] as [(String, String?)])
    func warnsOfHashtagsThatTikTokDoesNotSee(title: String, tag: String?) {
        var post = PostSettings()
        post.title = title
        let findings = PostRules.findings(post)
        #expect(findings.map(\.code) == (tag == nil ? [] : ["glued-hashtag"]))
        #expect(findings.allSatisfy { $0.severity == .warning && $0.message.contains("\"\(tag ?? "")\"") })
    }

    @Test func countsTitlesInUTF16Units() {
        var post = PostSettings()
        post.title = String(repeating: "🎬", count: 1100)
        #expect(PostRules.problem(post) == nil)
        post.title += "x"
        #expect(PostRules.problem(post)?.outcome == .invalidData)
        #expect(PostRules.findings(post).map(\.code) == ["title-too-long"])
    }

    @Test func leavesTitlesWithPlaceholdersForLater() {
        var post = PostSettings()
        post.title = "{{ name }}" + String(repeating: "x", count: 2300)
        #expect(PostRules.findings(post).isEmpty)
    }

    @Test func brandedContentCannotBePrivate() {
        var post = PostSettings()
        post.brandContent = true
        #expect(PostRules.findings(post).map(\.code) == ["branded-private"])
        post.privacyLevel = .publicToEveryone
        #expect(PostRules.findings(post).isEmpty)
        post.privacyLevel = .selfOnly
        post.mode = .inbox
        #expect(PostRules.findings(post).isEmpty)
    }

    @Test func obeysTheCreatorsAccount() {
        let creator = CreatorInfo(privacyLevelOptions: ["PUBLIC_TO_EVERYONE"], maxVideoPostDuration: 60)
        var post = PostSettings()
        #expect(PostRules.problem(post, duration: 10, creator: creator)?.outcome == .invalidData)
        post.privacyLevel = .publicToEveryone
        #expect(PostRules.problem(post, duration: 60.02, creator: creator) == nil)
        #expect(PostRules.problem(post, duration: 61, creator: creator)?.code == .overLimit)
        #expect(PostRules.problem(post, duration: 61, creator: creator)?.outcome == .invalidData)
    }
}
