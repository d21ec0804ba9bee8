import Foundation
import PipelineFile
import PipelineKit

/// What posts badly, or in another way than was meant.
enum PostingRules {
    static let all = [publicByDefault, sameTitle, noPublish, pastSchedule, noName]

    static let publicByDefault = LintRule(
        code: "public-by-default", "The file posts to everyone, so every trial run does."
    ) { subject in
        guard subject.isPosting, subject.settings(of: nil)?.mode == .direct,
            let member = subject.post.first(where: { $0.key == "privacyLevel" }),
            member.value.json.stringValue == PrivacyLevel.publicToEveryone.rawValue
        else { return [] }
        return [
            LintAdvice(
                "every run of this file posts to everyone, trial runs too; TikTok refuses it of apps that it has not audited",
                hint:
                    "write \"${PRIVACY:-SELF_ONLY}\", or SELF_ONLY here and --post privacyLevel=PUBLIC_TO_EVERYONE where it is meant",
                at: member.value.location, pointer: "/post/privacyLevel")
        ]
    }

    static let sameTitle = LintRule(
        code: "same-title", "Several pieces of footage get the same caption."
    ) { subject in
        guard subject.isPosting, let pipeline = subject.pipeline else { return [] }
        var assets: [String: [String]] = [:]
        for asset in subject.assets where asset.post["title"] == nil {
            guard let post = subject.settings(of: asset), post.mode == .direct else { continue }
            // Without a caption of its own a post has none, or its hashtags alone.
            if pipeline.post["title"] == "" { continue }
            assets[post.title, default: []].append(asset.name)
        }
        let title = subject.post.first { $0.key == "title" }
        return assets.filter { $0.value.count > 1 }.sorted { $0.value[0] < $1.value[0] }.map { _, names in
            LintAdvice(
                "\(FootageWords.list(names)) get the same title",
                hint: "write {{ name }} or a field of a sidecar into it, or give each a title in a sidecar",
                at: title?.value.location ?? subject.start, pointer: title == nil ? nil : "/post/title")
        }
    }

    static let noPublish = LintRule(
        code: "no-publish", "The post is sent, and nobody asks what became of it."
    ) { subject in
        guard let last = subject.steps.last(where: { $0.stage.type.effect == .irreversible }),
            subject.steps.last?.stage.type.output == UploadedVideo.kind
        else { return [] }
        return [
            LintAdvice(
                "`\(last.stage.id)` sends the post, and nothing confirms it: a refusal by TikTok goes unnoticed",
                hint: "add { \"uses\": \"publish\" } at the end", at: last.stage.location, pointer: last.pointer)
        ]
    }

    static let pastSchedule = LintRule(
        code: "past-schedule", "The moment of the post has passed, so runs post at once."
    ) { subject in
        guard subject.isPosting, let schedule = subject.settings(of: nil)?.schedule, case .at(let date) = schedule,
            date < subject.now, let member = subject.post.first(where: { $0.key == "schedule" })
        else { return [] }
        return [
            LintAdvice(
                "the post was scheduled for \(date.formatted(.iso8601)), which has passed: it is created at once",
                hint: "give a moment to come, a time after the run began such as \"+2h\", or remove it",
                at: member.value.location, pointer: "/post/schedule")
        ]
    }

    static let noName = LintRule(
        code: "no-name", "A pipeline that posts has no name of its own, and its file's name decides what was posted."
    ) { subject in
        guard subject.isPosting, let pipeline = subject.pipeline, let root = subject.written,
            root.member("name") == nil
        else { return [] }
        return [
            LintAdvice(
                "the pipeline has no \"name\": when the file is renamed, footage that was posted is posted again",
                hint: "add \"name\": \"\(pipeline.name)\"", at: root.location)
        ]
    }
}
