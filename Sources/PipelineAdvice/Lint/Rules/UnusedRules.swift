import PipelineFile
import PipelineKit

/// Rules about settings without effect.
enum UnusedRules {
    static let all = [unusedKey, unusedOption, unusedField, twoCovers]

    static let unusedKey = LintRule(
        code: "unused-key", "A key of the pipeline, of \"post\" or of \"retry\" has no effect."
    ) { subject in
        guard let pipeline = subject.pipeline else { return [] }
        var advice: [LintAdvice] = []
        if !subject.isPosting, let post = subject.root?.member("post") {
            advice.append(
                LintAdvice(
                    "\"post\" is not used: no stage of the pipeline posts",
                    hint: "remove it, or add `chunk`, `upload` and `publish`", at: post.keyLocation, pointer: "/post"))
        }
        let reachesOut = pipeline.stages.contains { $0.type.resource == .network || $0.type.effect == .irreversible }
        if !reachesOut, let account = subject.root?.member("account") {
            advice.append(
                LintAdvice(
                    "\"account\" is not used: no stage of the pipeline needs one", hint: "remove it",
                    at: account.keyLocation, pointer: "/account"))
        }
        // A sidecar may turn a draft into a direct post.
        let isDraft = subject.settings(of: nil)?.mode == .inbox && !subject.assets.contains { $0.post["mode"] != nil }
        if subject.isPosting, isDraft {
            for member in subject.post where !["mode", "schedule"].contains(member.key) {
                advice.append(
                    LintAdvice(
                        "\"\(member.key)\" is not used: TikTok accepts no settings for drafts",
                        hint: "remove it, or set \"mode\" to \"direct\"", at: member.keyLocation,
                        pointer: "/post/\(member.key)"))
            }
        }
        for step in subject.steps where step.stage.retry.attempts == 1 && step.stage.type.resource == .network {
            for member in step.node.member("retry")?.value.members ?? [] where member.key != "attempts" {
                advice.append(
                    LintAdvice(
                        "\"\(member.key)\" is not used within a run: there is only one attempt",
                        hint: "raise \"attempts\", or remove it", at: member.keyLocation,
                        pointer: "\(step.pointer)/retry/\(member.key)"))
            }
        }
        return advice
    }

    /// The options of a stage that other options make meaningless, with the reason.
    private static func idle(_ step: LintSubject.Step, _ subject: LintSubject) -> [(keys: [String], reason: String)] {
        let options = step.stage.stage.options
        switch step.name {
        case "transcode":
            if options["aspect"] == "source" {
                return [
                    (["fit", "focus", "background"], "\"aspect\" is \"source\", so the frame keeps its aspect ratio")
                ]
            }
            let fit = options["fit"]?.stringValue ?? ""
            return [
                (fit == "crop" ? [] : ["focus"], "only \"fit\": \"crop\" removes part of the frame"),
                (fit == "pad" ? [] : ["background"], "only \"fit\": \"pad\" adds bars"),
            ]
        case "overlay":
            return options["text"]?.stringValue == nil
                ? [(["font", "size", "colour"], "the overlay is an image")]
                : [(["width"], "the overlay is text")]
        case "export":
            let pulls = subject.steps.contains { $0.name == "upload" && $0.value("source") != "file" }
            return pulls ? [] : [(["publicURL"], "no stage lets TikTok fetch the file")]
        case "upload":
            return options["source"] == "pull" ? [(["bandwidth"], "nothing is sent: TikTok fetches the file")] : []
        case "chunk":
            let pulls = subject.steps(named: "upload").contains { $0.value("source") == "pull" }
            return pulls ? [(["size"], "nothing is sent: TikTok fetches the file")] : []
        default: return []
        }
    }

    static let unusedOption = LintRule(
        code: "unused-option", "An option has no effect because of another option."
    ) { subject in
        subject.steps.flatMap { step in
            idle(step, subject).flatMap { keys, reason in
                keys.compactMap { key in
                    step.option(key).map { member in
                        LintAdvice(
                            "\"\(key)\" is not used: \(reason)", hint: "remove it", at: member.keyLocation,
                            pointer: "\(step.pointer)/with/\(key)")
                    }
                }
            }
        }
    }

    static let unusedField = LintRule(
        code: "unused-field", "No title uses a field of the post."
    ) { subject in
        guard subject.isPosting, subject.settings(of: nil)?.mode == .direct, let pipeline = subject.pipeline,
            let fields = subject.post.first(where: { $0.key == "fields" })?.value.members
        else { return [] }
        let titles = ([pipeline.post] + subject.assets.map(\.post)).map { $0["title"]?.stringValue ?? "{{ name }}" }
        let used = Set(titles.flatMap { TitleTemplate.placeholders(in: $0) })
        return fields.filter { !used.contains($0.key) }.map { field in
            LintAdvice(
                "no title uses the field \"\(field.key)\"",
                hint: "put {{ \(field.key) }} into \"title\", or remove the field", at: field.keyLocation,
                pointer: "/post/fields/\(field.key)")
        }
    }

    static let twoCovers = LintRule(
        code: "two-covers", "Both the post and a stage choose the cover."
    ) { subject in
        guard let cover = subject.post.first(where: { $0.key == "cover" }), subject.isPosting,
            let step = subject.steps(named: "cover").first(where: { $0.option("save") == nil })
        else { return [] }
        return [
            LintAdvice(
                "stage \(step.index + 1) `\(step.stage.id)` has no effect: \"cover\" of \"post\" takes precedence",
                hint: "remove \"cover\" of \"post\", or the stage", at: cover.keyLocation, pointer: "/post/cover")
        ]
    }
}
