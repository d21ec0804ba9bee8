import Foundation
import PipelineFile
import PipelineKit

/// Rules about posts with unintended results.
enum PostingRules {
    static let all = [publicByDefault, sameTitle, noPublish, pastSchedule, noName]

    static let publicByDefault = LintRule(
        code: "public-by-default", "The file posts publicly, and so does every trial run."
    ) { subject in
        guard subject.isPosting, subject.settings(of: nil)?.mode == .direct,
            let member = subject.post.first(where: { $0.key == "privacyLevel" }),
            member.value.json.stringValue == PrivacyLevel.publicToEveryone.rawValue
        else { return [] }
        return [
            LintAdvice(
                "every run of this file posts publicly, including trial runs; TikTok rejects public posts from unaudited apps",
                hint:
                    "write \"${PRIVACY:-SELF_ONLY}\", or SELF_ONLY here and --post privacyLevel=PUBLIC_TO_EVERYONE for public posts",
                at: member.value.location, pointer: "/post/privacyLevel")
        ]
    }

    static let sameTitle = LintRule(
        code: "same-title", "Several footage files get the same caption."
    ) { subject in
        guard subject.isPosting, let pipeline = subject.pipeline else { return [] }
        var assets: [String: [String]] = [:]
        for asset in subject.assets where asset.post["title"] == nil {
            guard let post = subject.settings(of: asset), post.mode == .direct else { continue }
            // An empty title is deliberate: the caption is empty or has only hashtags.
            if pipeline.post["title"] == "" { continue }
            assets[post.title, default: []].append(asset.name)
        }
        let title = subject.post.first { $0.key == "title" }
        return assets.filter { $0.value.count > 1 }.sorted { $0.value[0] < $1.value[0] }.map { _, names in
            LintAdvice(
                "\(FootageWords.list(names)) get the same title",
                hint: "put {{ name }} or a sidecar field into the title, or give each file a title in a sidecar",
                at: title?.value.location ?? subject.start, pointer: title == nil ? nil : "/post/title")
        }
    }

    static let noPublish = LintRule(
        code: "no-publish", "The post is sent, but no stage confirms it."
    ) { subject in
        guard let last = subject.steps.last(where: { $0.stage.type.effect == .irreversible }),
            subject.steps.last?.stage.type.output == UploadedVideo.kind
        else { return [] }
        return [
            LintAdvice(
                "`\(last.stage.id)` sends the post, but no stage confirms it: a rejection by TikTok goes unnoticed",
                hint: "add { \"uses\": \"publish\" } at the end", at: last.stage.location, pointer: last.pointer)
        ]
    }

    static let pastSchedule = LintRule(
        code: "past-schedule", "The scheduled time has passed, so runs post immediately."
    ) { subject in
        guard subject.isPosting, let schedule = subject.settings(of: nil)?.schedule, case .at(let date) = schedule,
            date < subject.now, let member = subject.post.first(where: { $0.key == "schedule" })
        else { return [] }
        return [
            LintAdvice(
                "the post is scheduled for \(date.formatted(.iso8601)), which has passed: it is created immediately",
                hint: "set a future time, or a time after the start of the run such as \"+2h\", or remove it",
                at: member.value.location, pointer: "/post/schedule")
        ]
    }

    static let noName = LintRule(
        code: "no-name", "A pipeline that posts has no name, so its file name identifies its posts."
    ) { subject in
        guard subject.isPosting, let pipeline = subject.pipeline, let root = subject.root,
            root.member("name") == nil
        else { return [] }
        return [
            LintAdvice(
                "the pipeline has no \"name\": if the file is renamed, it posts the same footage again",
                hint: "add \"name\": \"\(pipeline.name)\"", at: root.location)
        ]
    }
}
