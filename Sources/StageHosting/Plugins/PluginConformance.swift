package import Foundation
import Glibc
package import PipelineKit
import PluginProtocol
import Store

/// A test suite that shows plugin authors whether a plugin follows the protocol. Starts a new process for each check
/// and acts as a host.
package struct PluginConformance: Sendable {
    /// One check of the suite.
    package struct Check: Sendable, Hashable {
        package enum Verdict: String, Sendable { case passed, failed, skipped }
        /// The subject of the check, such as `hello` or `run cut`.
        package var name: String
        package var verdict: Verdict
        /// The observation or the reason of a failure; may be empty.
        package var detail: String
    }

    /// Sample inputs for stages, by kind.
    package typealias Samples = [ArtifactKind: any Artifact]

    /// The longest time until an answer; plans and runs may take longer.
    private static let patience = Duration.seconds(5)
    private static let runPatience = Duration.seconds(60)
    private static let cancelPatience = Duration.seconds(3)

    private let manifest: PluginManifest
    private let launch: WorkerLaunch
    private let limits: WorkerLimits
    private let samples: Samples
    private let options: [String: [String: JSONValue]]
    private let folder: URL
    private let mayPost: Bool

    /// Creates the suite for one plugin.
    /// - Parameters:
    ///   - samples: Sample inputs; skips stages that take other kinds.
    ///   - options: The options to use, by stage; needed for stages with required options.
    ///   - folder: An empty folder for the files that the plugin creates.
    ///   - mayPost: Whether the plugin is the program itself, whose irreversible stages are accepted, but not run.
    package init(
        _ manifest: PluginManifest, _ policy: PluginPolicy, samples: Samples,
        options: [String: [String: JSONValue]] = [:], folder: URL, mayPost: Bool = false
    ) {
        self.manifest = manifest
        (launch, limits) = Plugin.launch(manifest, policy)
        self.samples = samples
        self.options = options
        self.folder = folder
        self.mayPost = mayPost
    }

    /// Runs all checks, in order.
    /// - Throws: `StageError` with code `cancelled` if the task was cancelled.
    package func run() async throws(StageError) -> [Check] {
        try await BlockingWork.run(name: "plugin-check") { (flag) throws(StageError) in try checks(flag) }
    }

    private func checks(_ flag: CancellationFlag) throws(StageError) -> [Check] {
        var report = Report()
        let ready: ChildReady?
        do throws(Unfit) {
            ready = try greeting()
            report.pass("hello", "\(manifest.name) \(manifest.version), protocol \(StageProtocol.version)")
        } catch {
            report.fail("hello", error.what)
            ready = nil
        }
        guard let ready else { return report.checks }
        func check(_ name: String, _ body: () throws(Unfit) -> String) throws(StageError) {
            guard !flag.isCancelled else { throw .cancelled }
            do throws(Unfit) {
                report.pass(name, try body())
            } catch {
                if error.isSkipped { report.skip(name, error.what) } else { report.fail(name, error.what) }
            }
        }
        try check("manifest") { () throws(Unfit) in
            if let problem = Plugin.problem(with: ready, manifest, mayPost: mayPost) { throw Unfit(problem) }
            return "\(ready.stages.count) \(ready.stages.count == 1 ? "stage" : "stages")"
        }
        try check("unknown fields", unknownFields)
        try check("another protocol", anotherProtocol)
        try check("shutdown", shutdown)
        try check("closed input", closedInput)
        try check("unknown stage", unknownStage)
        for stage in ready.stages {
            try check("options of \(stage.name)") { () throws(Unfit) in try schema(stage) }
            if ready.features.contains("check") {
                try check("check \(stage.name)") { () throws(Unfit) in try checking(stage) }
            }
            if ready.features.contains("plan") {
                try check("plan \(stage.name)") { () throws(Unfit) in try planning(stage) }
            }
            try check("run \(stage.name)") { () throws(Unfit) in try running(stage) }
            try check("cancel \(stage.name)") { () throws(Unfit) in try cancelling(stage) }
            try check("long line to \(stage.name)") { () throws(Unfit) in try longLine(stage) }
        }
        return report.checks
    }

    private struct Report {
        var checks: [Check] = []
        mutating func pass(_ name: String, _ detail: String) { add(name, .passed, detail) }
        mutating func fail(_ name: String, _ detail: String) { add(name, .failed, detail) }
        mutating func skip(_ name: String, _ detail: String) { add(name, .skipped, detail) }
        private mutating func add(_ name: String, _ verdict: Check.Verdict, _ detail: String) {
            checks.append(Check(name: name, verdict: verdict, detail: detail))
        }
    }

    /// Why a check did not pass.
    private struct Unfit: Error {
        var what: String
        var isSkipped = false
        init(_ what: String, isSkipped: Bool = false) {
            self.what = what
            self.isSkipped = isSkipped
        }
    }

    // MARK: Messages

    private func started() throws(Unfit) -> RawPlugin {
        do throws(POSIXError) {
            return try RawPlugin(launch, limits)
        } catch {
            throw Unfit("\(launch.executable) can't be started: \(String(cString: strerror(error.code.rawValue)))")
        }
    }

    private func greeted() throws(Unfit) -> (plugin: RawPlugin, ready: ChildReady) {
        let plugin = try started()
        plugin.send(
            .hello(
                HostHello(
                    host: "spreader-pipeline", version: "", features: HostService.open.map(\.rawValue) + ["shutdown"],
                    memory: limits.memory.bytes)))
        let ready = try ready(plugin)
        guard ready.version == StageProtocol.version else {
            let error = TerminationReason.foreignProtocol(
                name: ready.name, release: ready.release, version: ready.version, ours: StageProtocol.version
            ).startError(plugin: manifest.name, lastWords: nil)
            throw Unfit(error.description)
        }
        return (plugin, ready)
    }

    private func greeting() throws(Unfit) -> ChildReady { try greeted().ready }

    private func ready(_ plugin: RawPlugin) throws(Unfit) -> ChildReady {
        guard let (raw, message) = plugin.next(within: limits.start) else {
            throw Unfit("no answer to hello within \(limits.start.spoken)\(fate(plugin))")
        }
        guard case .ready(let ready)? = message else { throw Unfit("hello was answered with \(shown(raw))") }
        return ready
    }

    /// Waits for the answer to a request, and answers service calls meanwhile.
    private func answer(_ plugin: RawPlugin, id: Int, within limit: Duration) throws(Unfit) -> ChildMessage {
        let deadline = SuspendingClock.now + limit
        var notes: [String: JSONValue] = [:]
        while SuspendingClock.now < deadline {
            guard let (raw, message) = plugin.next(within: limit) else { break }
            switch message {
            case .result(let result)? where result.id == id: return .result(result)
            case .failure(id, let failure)?: return .failure(id: id, failure)
            case .progress(let report)?:
                guard (0...1).contains(report.fraction) else {
                    throw Unfit("progress has a fraction of \(report.fraction); send 0 to 1")
                }
            case .log?: break
            case .service(let question)?:
                var value: JSONValue?
                switch question.service {
                case .checkpointGet: value = notes[question.key]
                case .checkpointSet: notes[question.key] = question.value
                case .secret: value = "conformance-secret"
                default: break
                }
                plugin.send(.answer(ServiceAnswer(request: question.request, value: value)))
            case .failure(nil, let failure)?: throw Unfit("it ended the session: \(failure.message)")
            case .ready?, .result?, .failure?: throw Unfit("it sent an unexpected message: \(shown(raw))")
            case nil: throw Unfit("it sent an invalid message: \(shown(raw))")
            }
        }
        throw Unfit("no answer within \(limit.spoken)\(fate(plugin))")
    }

    private func fate(_ plugin: RawPlugin) -> String {
        let words = plugin.errors.last.map { ": \($0)" } ?? ""
        switch plugin.end {
        case .exited(let status): return "; it exited with status \(status)\(words)"
        case .signalled(let number): return "; it crashed (\(TerminationReason.name(ofSignal: number)))\(words)"
        default: return words
        }
    }

    private func shown(_ raw: JSONValue) -> String { String(((try? raw.text()) ?? "\(raw)").prefix(200)) }

    // MARK: Checks of the plugin

    private func unknownFields() throws(Unfit) -> String {
        let plugin = try started()
        plugin.send(
            #"{"type":"hello","protocols":[1],"host":"spreader-pipeline","version":"","features":["tomorrow"],"#
                + #""tomorrow":{"a":[1,null]}}"#)
        _ = try ready(plugin)
        return "ignored"
    }

    private func anotherProtocol() throws(Unfit) -> String {
        let plugin = try started()
        plugin.send(#"{"type":"hello","protocols":[999],"host":"spreader-pipeline","version":"","features":[]}"#)
        guard let (raw, _) = plugin.next(within: limits.start) else {
            throw Unfit("no answer to a host of protocol 999\(fate(plugin))")
        }
        guard let version = raw["protocol"]?.integerValue else {
            throw Unfit("a host of protocol 999 got \(shown(raw)); answer ready with the plugin's own protocol")
        }
        guard version != 999 else { throw Unfit("it claims to speak protocol 999") }
        return "answers with protocol \(version)"
    }

    private func shutdown() throws(Unfit) -> String {
        let (plugin, _) = try greeted()
        plugin.send(.shutdown)
        plugin.closeInput()
        return try ended(plugin, after: "shutdown")
    }

    private func closedInput() throws(Unfit) -> String {
        let (plugin, _) = try greeted()
        plugin.closeInput()
        return try ended(plugin, after: "its input was closed")
    }

    private func ended(_ plugin: RawPlugin, after what: String) throws(Unfit) -> String {
        guard let end = plugin.waitForEnd(within: Self.cancelPatience) else {
            throw Unfit("it is still running \(Self.cancelPatience.spoken) after \(what)")
        }
        guard end == .exited(0) else { throw Unfit("after \(what) it did not exit with status 0\(fate(plugin))") }
        guard plugin.groupIsEmpty else { throw Unfit("after \(what) it left a process behind") }
        return "exits with status 0"
    }

    private func unknownStage() throws(Unfit) -> String {
        let (plugin, _) = try greeted()
        let request = StageRequest(
            id: 1, stage: "no-such-stage", options: [:], input: [:], context: RequestContext(context(nil)))
        plugin.send(.run(request))
        guard case .failure = try answer(plugin, id: 1, within: Self.patience) else {
            throw Unfit("it returned a result for a stage that it does not have")
        }
        return "rejected"
    }

    // MARK: Checks of one stage

    private func schema(_ stage: StageDescription) throws(Unfit) -> String {
        guard stage.name.rawValue.wholeMatch(of: /[a-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*/) != nil else {
            throw Unfit("\"\(stage.name)\" must be words of letters and digits, joined with hyphens")
        }
        guard !stage.summary.isEmpty else { throw Unfit("it has no summary") }
        guard let schema = OptionSchema(stage.options) else {
            throw Unfit("\"options\" must be the JSON Schema of an object")
        }
        for option in schema.descriptors {
            if option.documentation.isEmpty { throw Unfit("option \(option.name) has no description") }
            if option.defaultValue != .null,
                let finding = schema.findings(in: [option.name: option.defaultValue]).first
            {
                throw Unfit("the default of \(option.name) \(finding.problem.message)")
            }
        }
        return schema.descriptors.isEmpty ? "none" : schema.descriptors.map(\.name).joined(separator: ", ")
    }

    private func checking(_ stage: StageDescription) throws(Unfit) -> String {
        let (plugin, _) = try greeted()
        let context = BareContext.checking
        plugin.send(
            .check(
                StageRequest(
                    id: 1, stage: stage.name.rawValue, options: options(of: stage), input: nil,
                    context: RequestContext(context))))
        switch try answer(plugin, id: 1, within: Self.patience) {
        case .result(let result):
            guard let findings = result.findings else { throw Unfit("the answer to check has no \"findings\"") }
            return findings.isEmpty ? "nothing found" : findings.map(\.message).joined(separator: "; ")
        case .failure(_, let failure):
            throw Unfit("check failed: \(failure.message); report problems in findings")
        default: throw Unfit("check got an answer of another type")
        }
    }

    private func planning(_ stage: StageDescription) throws(Unfit) -> String {
        let input = try sample(stage)
        let (plugin, _) = try greeted()
        let before = marks(input)
        plugin.send(
            .plan(
                StageRequest(
                    id: 1, stage: stage.name.rawValue, options: options(of: stage), input: try json(input),
                    context: RequestContext(context(nil).planning))))
        switch try answer(plugin, id: 1, within: Self.runPatience) {
        case .result(let result):
            guard let plan = result.plan else { throw Unfit("the answer to plan has no \"plan\"") }
            if let output = plan.output {
                do {
                    _ = try OpaqueArtifact.decode(output, kind: stage.output)
                } catch {
                    throw Unfit("the plan's output is not a valid \(stage.output): \(error)")
                }
            }
            guard marks(input) == before else { throw Unfit("plan changed its input, but must not write anything") }
            return plan.action
        case .failure(_, let failure): throw Unfit("plan failed: \(failure.message)\(advice(failure))")
        default: throw Unfit("plan got an answer of another type")
        }
    }

    private func running(_ stage: StageDescription) throws(Unfit) -> String {
        let input = try sample(stage, toRun: true)
        let before = marks(input)
        let first = try output(of: stage, input, in: "first")
        guard marks(input) == before else { throw Unfit("run changed its input, which belongs to the user") }
        guard stage.effect == .pure else { return "returns a \(stage.output)" }
        // The host reuses the output of a pure stage, so that a second run must give the same.
        let second = try output(of: stage, input, in: "second")
        let digests = try [first, second].map { (made) throws(Unfit) in try made.artifact.files.map(digest) }
        guard digests[0] == digests[1], first.value == second.value else {
            throw Unfit(
                "it is pure, but its second output differs: declare it resumable, or avoid timestamps and randomness")
        }
        return "returns a \(stage.output), the same each time"
    }

    /// Runs a stage and checks its output.
    private func output(
        of stage: StageDescription, _ input: any Artifact, in name: String
    ) throws(Unfit) -> (artifact: any Artifact, value: JSONValue) {
        let (plugin, _) = try greeted()
        let work = try workFolder("\(stage.name)-\(name)")
        let began = Int64(Date().timeIntervalSince1970 * 1e9)
        plugin.send(.run(try request(stage, input, work)))
        let result: ResultMessage
        switch try answer(plugin, id: 1, within: Self.runPatience) {
        case .result(let answer): result = answer
        case .failure(_, let failure): throw Unfit("run failed: \(failure.message)\(advice(failure))")
        default: throw Unfit("run got an answer of another type")
        }
        guard let value = result.artifact else { throw Unfit("the answer to run has no \"artifact\"") }
        let artifact: any Artifact
        do {
            artifact = try OpaqueArtifact.decode(value, kind: stage.output)
        } catch {
            throw Unfit("its output is not a valid \(stage.output): \(error)")
        }
        let known = Set(input.files.map(\.path))
        for file in artifact.files where !known.contains(file.path) {
            guard let bytes = try? FileSize.of(file.path) else {
                throw Unfit("its output names \(file.path), which does not exist")
            }
            guard bytes == file.bytes else {
                throw Unfit("its output says that \(file.path) has \(file.bytes) bytes, but it has \(bytes)")
            }
            let isOld = FileFingerprint(file.path).map { $0.changed < began } ?? false
            guard file.path.hasPrefix(work.path + "/") || isOld || stage.effect == .resumable else {
                throw Unfit("it created \(file.path) outside its work folder")
            }
            if let said = file.sha256, said != (try digest(file)) {
                throw Unfit("the SHA-256 in its output does not match \(file.path)")
            }
        }
        if let stray = plugin.strayLines.first {
            throw Unfit("standard output contains a line that is not a message, use standard error: \(stray)")
        }
        // Each run has a work folder of its own.
        let text = ((try? value.text()) ?? "").replacing(work.path, with: "work")
        return (artifact, (try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))) ?? .null)
    }

    private func cancelling(_ stage: StageDescription) throws(Unfit) -> String {
        let input = try sample(stage, toRun: true)
        let (plugin, _) = try greeted()
        plugin.send(.run(try request(stage, input, try workFolder("\(stage.name)-cancel"))))
        plugin.send(.cancel(id: 1))
        switch try answer(plugin, id: 1, within: Self.cancelPatience) {
        case .result: return "finishes before the cancellation"
        case .failure(_, let failure):
            guard failure.code == StageError.Code.cancelled.rawValue else {
                throw Unfit("cancel was answered with the code \"\(failure.code)\" instead of \"cancelled\"")
            }
            return "stops"
        default: throw Unfit("cancel got an answer of another type")
        }
    }

    private func longLine(_ stage: StageDescription) throws(Unfit) -> String {
        let (plugin, ready) = try greeted()
        let filler = String(repeating: "x", count: 1 << 20)
        if ready.features.contains("check") {
            var context = RequestContext(BareContext.checking)
            context.settings["FILLER"] = filler
            plugin.send(
                .check(
                    StageRequest(
                        id: 1, stage: stage.name.rawValue, options: options(of: stage), input: nil, context: context)))
            _ = try answer(plugin, id: 1, within: Self.patience)
        } else {
            // Use run instead: the plugin does not offer check.
            var request = try request(
                stage, try sample(stage, toRun: true), try workFolder("\(stage.name)-long-line"))
            request.context.settings["FILLER"] = filler
            plugin.send(.run(request))
            _ = try answer(plugin, id: 1, within: Self.runPatience)
        }
        return "reads a line of 1 MB"
    }

    // MARK: Inputs for stages

    private func options(of stage: StageDescription) -> [String: JSONValue] { options[stage.name.rawValue] ?? [:] }

    private func sample(_ stage: StageDescription, toRun: Bool = false) throws(Unfit) -> any Artifact {
        if toRun, mayPost, stage.resource == .network {
            throw Unfit("needs an account: test it with the sandbox", isSkipped: true)
        }
        guard let input = samples[stage.input] else {
            throw Unfit("no sample of a \(stage.input) is available", isSkipped: true)
        }
        return input
    }

    private func json(_ artifact: any Artifact) throws(Unfit) -> JSONValue {
        do {
            return try JSONValue(encoding: artifact)
        } catch {
            throw Unfit("the sample can't be encoded as JSON: \(error)")
        }
    }

    private func request(
        _ stage: StageDescription, _ input: any Artifact, _ work: URL
    ) throws(Unfit) -> StageRequest {
        StageRequest(
            id: 1, stage: stage.name.rawValue, options: options(of: stage), input: try json(input),
            context: RequestContext(context(work)))
    }

    private func workFolder(_ name: String) throws(Unfit) -> URL {
        let work = folder.appending(path: name)
        do {
            try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
        } catch {
            throw Unfit("can't create the work folder: \(error.localizedDescription)")
        }
        return work
    }

    private func context(_ work: URL?) -> StageContext {
        BareContext.make(work ?? folder)
    }

    /// Values that change with a file's content: size, inode and modification time. A new hard link does not change
    /// them.
    private func marks(_ artifact: any Artifact) -> [[Int64]] {
        artifact.files.map { file in FileFingerprint(file.path).map { [$0.bytes, $0.inode, $0.modified] } ?? [] }
    }

    private func digest(_ file: FileReference) throws(Unfit) -> String {
        do {
            return try ContentDigest.sha256(ofFile: file.path)
        } catch {
            throw Unfit("its output names \(file.path), which can't be read")
        }
    }

    private func advice(_ failure: FailureMessage) -> String {
        failure.code == StageError.Code.invalidOption.rawValue
            ? " (pass options with --set stage.option=value)" : ""
    }
}
