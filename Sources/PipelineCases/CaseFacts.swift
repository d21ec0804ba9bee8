package import PipelineKit

/// What came of a case: the events of its run, what the sandbox has, and what was written.
package struct CaseFacts: Sendable {
    /// The exit status.
    package var exit: Int
    /// The events, in order.
    package var events: [JSONValue]
    /// What the sandbox has, the newest first.
    package var posts: [JSONValue] = []
    /// What a plan of the same command finds, when it was asked for.
    package var findings: [JSONValue] = []
    /// What was written, relative to the case's folder.
    package var files: [String] = []

    /// Facts of a run.
    package init(exit: Int, events: [JSONValue]) {
        self.exit = exit
        self.events = events
    }

    /// All of it as one object, by the names that cases use.
    package var json: JSONValue {
        var fields: [String: JSONValue] = [
            "exit": .integer(Int64(exit)), "diagnostics": .array(diagnostics), "posts": .integer(Int64(posts.count)),
            "files": .array(files.map(JSONValue.string)), "stages": .object(stages),
        ]
        if let post = posts.first { fields["post"] = post }
        if let failure {
            fields["code"] = failure.code
            fields["message"] = failure.message
        }
        // The delivery is the last video that a stage made.
        for name in ["strategy", "width", "height", "duration", "bytes", "frameRate"] {
            fields[name] = delivery?[name]
        }
        return .object(fields)
    }

    /// Why it failed, for a person; nil when it did not.
    package var complaint: String? { failure?.message.stringValue }

    private func named(_ name: String) -> [JSONValue] { events.filter { $0["event"]?.stringValue == name } }

    private var diagnostics: [JSONValue] {
        var seen: Set<JSONValue> = []
        return (named("diagnostic") + findings).compactMap { $0["code"] }.filter { seen.insert($0).inserted }
    }

    private var failure: (code: JSONValue, message: JSONValue)? {
        let errors = named("diagnostic").filter { $0["severity"]?.stringValue == "error" }
        guard let event = named("stage.failed").first ?? errors.first, let code = event["code"] else { return nil }
        return (code, event["message"] ?? "")
    }

    private var finished: [JSONValue] {
        events.filter { ["stage.finished", "stage.reused"].contains($0["event"]?.stringValue) }
    }

    private var stages: [String: JSONValue] {
        var stages: [String: JSONValue] = [:]
        for event in finished {
            if let stage = event["stage"]?.stringValue { stages[stage] = event }
        }
        return stages
    }

    private var delivery: JSONValue? { finished.last { $0["strategy"] != nil } }
}
