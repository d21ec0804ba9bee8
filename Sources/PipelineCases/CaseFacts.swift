package import PipelineKit

/// The observed result of a test case: the run's events, the sandbox's posts and the written files.
package struct CaseFacts: Sendable {
    /// The exit status of `run`.
    package var exit: Int
    /// The run's JSON events, in order.
    package var events: [JSONValue]
    /// The sandbox's posts, newest first.
    package var posts: [JSONValue] = []
    /// Diagnostics of a plan with the same arguments; empty unless a plan was made.
    package var findings: [JSONValue] = []
    /// Written files, relative to the case's folder.
    package var files: [String] = []

    package init(exit: Int, events: [JSONValue]) {
        self.exit = exit
        self.events = events
    }

    /// The facts as one object; its keys are those of `expect` in a test-case file.
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
        // The delivery is the last artifact with a strategy.
        for name in ["strategy", "width", "height", "duration", "bytes", "frameRate"] {
            fields[name] = delivery?[name]
        }
        return .object(fields)
    }

    /// The message of the first failure; nil if nothing failed.
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
