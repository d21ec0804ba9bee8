import Foundation
import PipelineFile
package import PipelineKit

/// Compares a saved plan with a new plan of the same command and describes each change.
package struct PlanChanges: Sendable {
    private let then: SavedPlan
    private let now: SavedPlan
    private let isBegun: Bool

    /// Compares two plans of the same command.
    /// - Parameter isBegun: Whether a run of the plan was interrupted. It can resume even after its scheduled time.
    package init(from then: SavedPlan, to now: SavedPlan, isBegun: Bool = false) {
        self.then = then
        self.now = now
        self.isBegun = isBegun
    }

    /// The changes with the assets they concern; empty if the plan is still valid.
    package var messages: [(text: String, asset: String?)] {
        var found = (program + account + pipeline).map { (text: $0, asset: String?.none) }
        let before = Dictionary(then.assets.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        let after = Dictionary(now.assets.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        for asset in then.assets {
            let texts =
                after[asset.name].map { changes(of: asset, to: $0) } ?? [
                    "\(asset.name) was removed since the plan was saved"
                ]
            found += texts.map { ($0, asset.name) }
        }
        for asset in now.assets where before[asset.name] == nil {
            found.append(("\(asset.name) was added since the plan was saved", asset.name))
        }
        return found
    }

    /// The changes as errors, preceded by a summary with a hint; empty if the plan is still valid.
    /// - Parameter file: The path of the saved plan.
    package func findings(file: String) -> [Diagnostic] {
        let messages = messages
        guard !messages.isEmpty else { return [] }
        let count = messages.count == 1 ? "1 thing has" : "\(messages.count) things have"
        let head = Diagnostic(
            code: "plan-outdated", "the plan \(file) no longer holds: \(count) changed",
            hint: "make a new plan: spreader-pipeline plan … --save \(ShellWord.of(file))",
            location: SourcePosition(file: file))
        return [head] + messages.map { Diagnostic(code: "plan-outdated", $0.text, asset: $0.asset) }
    }

    // MARK: Parts

    private var program: [String] {
        then.program == now.program ? [] : ["the program is \(now.program), the plan was made by \(then.program)"]
    }

    private var account: [String] {
        let (old, new) = (then.account, now.account)
        if old.name != new.name { return ["the account is \(new.name), the plan says \(old.name)"] }
        var found: [String] = []
        if old.identity != new.identity {
            found.append("the account \(new.name) belongs to another app or service than in the plan")
        }
        if let before = old.user, let after = new.user, before != after {
            found.append("the account \(new.name) belongs to another user since the plan was saved")
        }
        if old.dialect != new.dialect {
            found.append("TIKTOK_API is \(new.dialect ?? "not set"), the plan says \(old.dialect ?? "not set")")
        }
        return found
    }

    private var pipeline: [String] {
        let (old, new) = (then.pipeline, now.pipeline)
        var found: [String] = []
        if old.name != new.name {
            found.append("the pipeline's name is \"\(new.name)\", the plan says \"\(old.name)\"")
        }
        found += differences(old.post, new.post, of: "post", word: "")
        let (before, after) = (old.stages.map(\.id), new.stages.map(\.id))
        for id in before where !after.contains(id) { found.append("the pipeline no longer has the stage \(id)") }
        for id in after where !before.contains(id) { found.append("the stage \(id) is not in the plan") }
        if before.filter(after.contains) != after.filter(before.contains) {
            found.append(
                "the stages' order is \(after.joined(separator: ", ")), the plan says \(before.joined(separator: ", "))"
            )
        }
        for stage in new.stages {
            guard let earlier = old.stages.first(where: { $0.id == stage.id }) else { continue }
            found += changes(of: earlier, to: stage)
        }
        if found.isEmpty, old.digest != new.digest { found.append("the pipeline differs from the one in the plan") }
        return found
    }

    private func changes(of old: SavedPlan.Stage, to new: SavedPlan.Stage) -> [String] {
        if old.uses != new.uses { return ["the stage \(new.id) uses \(new.uses), the plan says \(old.uses)"] }
        var found: [String] = []
        if old.origin != new.origin || old.version != new.version {
            func source(_ stage: SavedPlan.Stage) -> String {
                "version \(stage.version)" + (stage.origin.map { " of \($0)" } ?? "")
            }
            found.append("the stage \(new.id) is \(source(new)), the plan says \(source(old))")
        } else if old.mark != new.mark {
            found.append("the files of plugin \(new.origin ?? new.uses) changed, but its version did not")
        }
        found += differences(old.options, new.options, of: new.id, word: "option ")
        for name in Set(old.secrets).symmetricDifference(new.secrets).sorted() {
            let isSet = new.secrets.contains(name)
            found.append("option \(new.id).\(name) \(isSet ? "has a" : "has no") value, unlike in the plan")
        }
        if old.attempts != new.attempts {
            found.append("the stage \(new.id) has \(new.attempts) attempts, the plan says \(old.attempts)")
        }
        func text(_ seconds: Double?) -> String { seconds.map { Duration.seconds($0).spoken } ?? "none" }
        if old.delay != new.delay {
            found.append("the delay of \(new.id) is \(text(new.delay)), the plan says \(text(old.delay))")
        }
        if old.maximumDelay != new.maximumDelay {
            found.append(
                "the longest delay of \(new.id) is \(text(new.maximumDelay)), the plan says \(text(old.maximumDelay))")
        }
        if old.timeout != new.timeout {
            found.append("the timeout of \(new.id) is \(text(new.timeout)), the plan says \(text(old.timeout))")
        }
        return found
    }

    private func differences(
        _ old: [String: JSONValue], _ new: [String: JSONValue], of owner: String, word: String
    ) -> [String] {
        Set(old.keys).union(new.keys).sorted().filter { !isSame(old[$0], new[$0]) }.map { key in
            func text(_ value: JSONValue?) -> String {
                value.flatMap { $0 == .null ? nil : try? $0.text() } ?? "not set"
            }
            let name = "\(owner).\(key)"
            let variables = now.pipeline.variables[name] ?? []
            let source = variables.isEmpty ? "" : " (from the environment's \(variables.joined(separator: ", ")))"
            return "\(word)\(name) is \(text(new[key]))\(source), the plan says \(text(old[key]))"
        }
    }

    private func isSame(_ old: JSONValue?, _ new: JSONValue?) -> Bool {
        guard let old, let new else { return old == new }
        return old.isSame(as: new)
    }

    /// Whether the title settings are unchanged. If not, that is reported once instead of for each asset.
    private var pipelineTitlesAreTheSame: Bool {
        ["title", "hashtags", "fields"].allSatisfy { isSame(then.pipeline.post[$0], now.pipeline.post[$0]) }
    }

    private func changes(of old: SavedPlan.Asset, to new: SavedPlan.Asset) -> [String] {
        let since = "since the plan was saved"
        if old.path != new.path { return ["\(new.name) is \(new.path), the plan says \(old.path)"] }
        var found: [String] = []
        if old.sha256 != new.sha256 { found.append("\(new.name) changed \(since): \(sizes(old.bytes, new.bytes))") }
        for name in Set(old.sidecars.keys).union(new.sidecars.keys).sorted()
        where old.sidecars[name] != new.sidecars[name] {
            let what = old.sidecars[name] == nil ? "was added" : new.sidecars[name] == nil ? "was removed" : "changed"
            found.append("\(name) beside \(new.name) \(what) \(since)")
        }
        for path in Set(old.files.keys).union(new.files.keys).sorted() {
            let (before, after) = (old.files[path] ?? "", new.files[path] ?? "")
            guard before != after else { continue }
            let what = after.isEmpty ? "was removed" : before.isEmpty ? "was added" : "changed"
            found.append("\(path), which is used for \(new.name), \(what) \(since)")
        }
        found +=
            isBegun
            ? []
            : Set(old.stages.compactMap { missed($0) }).sorted().map { moment in
                "\(new.name) was scheduled for \(moment.formatted(.iso8601)), which has passed \(since)"
            }
        // Ignore plans for different content.
        guard old.sha256 == new.sha256 else { return found }
        if old.refused != new.refused {
            found.append(
                new.refused.map { "\(new.name) would now be refused: \($0)" }
                    ?? "\(new.name) would now be accepted: the plan says it is refused")
        }
        let (before, after) = (Set(old.stages.compactMap(\.part)).count, Set(new.stages.compactMap(\.part)).count)
        if before != after { found.append("\(new.name) would now make \(after) parts, the plan says \(before)") }
        if pipelineTitlesAreTheSame {
            for (before, after) in zip(old.titles, new.titles) where before != after {
                found.append("the title of \(new.name) would now be \"\(after)\", the plan says \"\(before)\"")
            }
        }
        for step in new.stages {
            guard let earlier = old.stages.first(where: { $0.stage == step.stage && $0.part == step.part }) else {
                continue
            }
            found += changes(of: earlier, to: step, asset: step.part ?? new.name)
        }
        return found
    }

    /// The scheduled time of a post if it has passed since the plan was saved; nil otherwise.
    private func missed(_ step: SavedPlan.Step) -> Date? {
        guard let text = step.details["schedule"], case .at(let date)? = try? PostTime.parse(text),
            then.savedAt < date, date <= now.savedAt
        else { return nil }
        return date
    }

    /// Describes a change of content by both sizes, in exact bytes if they are equal when rounded.
    private func sizes(_ old: Int64, _ new: Int64) -> String {
        if old == new { return "other content of the same size" }
        let (before, after) = (ByteCount(old).description, ByteCount(new).description)
        return before == after ? "\(old) bytes then, \(new) bytes now" : "\(before) then, \(after) now"
    }

    /// Compares strategy, sound and size. The wording of an action and estimates may differ.
    private func changes(of old: SavedPlan.Step, to new: SavedPlan.Step, asset: String) -> [String] {
        var found: [String] = []
        if let before = old.details["strategy"], let after = new.details["strategy"],
            !before.isSame(as: after)
        {
            found.append(
                "stage \(new.stage) would now \(after.stringValue ?? "differ") \(asset): "
                    + "the plan says \(before.stringValue ?? "otherwise")")
        }
        for key in ["sound", "width", "height"] {
            guard let before = old.details[key], let after = new.details[key], !before.isSame(as: after) else {
                continue
            }
            let texts = [after, before].map { $0.stringValue ?? (try? $0.text()) ?? "" }
            found.append(
                "stage \(new.stage) would give \(asset) a different \(key): \(texts[0]), the plan says \(texts[1])")
        }
        return found
    }
}
