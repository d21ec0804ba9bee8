import Foundation
import PipelineKit
import PluginProtocol
import Store

/// Checks of one stage.
extension PluginConformance {
    func checkOptions(of stage: StageDescription) throws(ConformanceFailure) -> String {
        guard stage.name.rawValue.wholeMatch(of: /[a-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*/) != nil else {
            throw ConformanceFailure("\"\(stage.name)\" must be words of letters and digits, joined with hyphens")
        }
        guard !stage.summary.isEmpty else { throw ConformanceFailure("it has no summary") }
        guard let schema = OptionSchema(stage.optionsSchema) else {
            throw ConformanceFailure("\"options\" must be the JSON Schema of an object")
        }
        for option in schema.descriptors {
            if option.documentation.isEmpty { throw ConformanceFailure("option \(option.name) has no description") }
            if option.defaultValue != .null,
                let finding = schema.findings(in: [option.name: option.defaultValue]).first
            {
                throw ConformanceFailure("the default of \(option.name) \(finding.problem.message)")
            }
        }
        return schema.descriptors.isEmpty ? "none" : schema.descriptors.map(\.name).joined(separator: ", ")
    }

    func checkCheck(of stage: StageDescription) throws(ConformanceFailure) -> String {
        let (plugin, _) = try greeted()
        let request = request(to: stage, context: RequestContext(BareContext.checking))
        plugin.send(.check(request))
        switch try plugin.answer(to: request, within: Self.answerTimeout) {
        case .result(let result):
            guard let findings = result.findings else {
                throw ConformanceFailure("the answer to check has no \"findings\"")
            }
            return findings.isEmpty ? "nothing found" : findings.map(\.message).joined(separator: "; ")
        case .failure(_, let failure):
            throw ConformanceFailure("check failed: \(failure.message); report problems in findings")
        default: throw ConformanceFailure("check got an answer of another type")
        }
    }

    func checkPlan(of stage: StageDescription) throws(ConformanceFailure) -> String {
        let input = try sample(for: stage)
        let (plugin, _) = try greeted()
        let before = fingerprints(of: input)
        let request = request(
            to: stage, input: try json(input), context: RequestContext(BareContext.running(in: folder).planning))
        plugin.send(.plan(request))
        switch try plugin.answer(to: request, within: Self.workTimeout) {
        case .result(let result):
            guard let plan = result.plan else { throw ConformanceFailure("the answer to plan has no \"plan\"") }
            if let output = plan.output {
                do {
                    _ = try OpaqueArtifact.decode(output, kind: stage.output)
                } catch {
                    throw ConformanceFailure("the plan's output is not a valid \(stage.output): \(error)")
                }
            }
            guard fingerprints(of: input) == before else {
                throw ConformanceFailure("plan changed its input, but must not write anything")
            }
            return plan.action
        case .failure(_, let failure): throw ConformanceFailure("plan failed: \(failure.message)\(failure.advice)")
        default: throw ConformanceFailure("plan got an answer of another type")
        }
    }

    func checkRun(of stage: StageDescription) throws(ConformanceFailure) -> String {
        let input = try runnableSample(for: stage)
        let before = fingerprints(of: input)
        let first = try output(of: stage, for: input, folder: try workFolder("\(stage.name)-first"))
        guard fingerprints(of: input) == before else {
            throw ConformanceFailure("run changed its input, which belongs to the user")
        }
        guard stage.effect == .pure else { return "returns a \(stage.output)" }
        // The host reuses the output of a pure stage, so that a second run must give the same.
        let second = try output(of: stage, for: input, folder: try workFolder("\(stage.name)-second"))
        let digests = try [first, second].map { (output) throws(ConformanceFailure) in
            try output.artifact.files.map(digest(of:))
        }
        guard digests[0] == digests[1], first.value == second.value else {
            throw ConformanceFailure(
                "it is pure, but its second output differs: declare it resumable, or avoid timestamps and randomness")
        }
        return "returns a \(stage.output), the same each time"
    }

    func checkCancellation(of stage: StageDescription) throws(ConformanceFailure) -> String {
        let input = try runnableSample(for: stage)
        let (plugin, _) = try greeted()
        let request = try runRequest(to: stage, input: input, folder: try workFolder("\(stage.name)-cancel"))
        plugin.send(.run(request))
        plugin.send(.cancel(id: request.id))
        switch try plugin.answer(to: request, within: Self.stopTimeout) {
        case .result: return "finishes before the cancellation"
        case .failure(_, let failure):
            guard failure.code == StageError.Code.cancelled.rawValue else {
                throw ConformanceFailure(
                    "cancel was answered with the code \"\(failure.code)\" instead of \"cancelled\"")
            }
            return "stops"
        default: throw ConformanceFailure("cancel got an answer of another type")
        }
    }

    func checkLongLine(to stage: StageDescription) throws(ConformanceFailure) -> String {
        let (plugin, ready) = try greeted()
        let filler = String(repeating: "x", count: 1 << 20)
        if ready.features.contains("check") {
            var request = request(to: stage, context: RequestContext(BareContext.checking))
            request.context.settings["FILLER"] = filler
            plugin.send(.check(request))
            _ = try plugin.answer(to: request, within: Self.answerTimeout)
        } else {
            // Use run instead: the plugin does not offer check.
            var request = try runRequest(
                to: stage, input: try runnableSample(for: stage), folder: try workFolder("\(stage.name)-long-line"))
            request.context.settings["FILLER"] = filler
            plugin.send(.run(request))
            _ = try plugin.answer(to: request, within: Self.workTimeout)
        }
        return "reads a line of 1 MB"
    }

    // MARK: Outputs

    /// Runs a stage and checks its output.
    private func output(
        of stage: StageDescription, for input: any Artifact, folder: URL
    ) throws(ConformanceFailure) -> (artifact: any Artifact, value: JSONValue) {
        let (plugin, _) = try greeted()
        let start = Int64(Date().timeIntervalSince1970 * 1e9)
        let request = try runRequest(to: stage, input: input, folder: folder)
        plugin.send(.run(request))
        let result: ResultMessage
        switch try plugin.answer(to: request, within: Self.workTimeout) {
        case .result(let answer): result = answer
        case .failure(_, let failure): throw ConformanceFailure("run failed: \(failure.message)\(failure.advice)")
        default: throw ConformanceFailure("run got an answer of another type")
        }
        guard let value = result.artifact else { throw ConformanceFailure("the answer to run has no \"artifact\"") }
        let artifact: any Artifact
        do {
            artifact = try OpaqueArtifact.decode(value, kind: stage.output)
        } catch {
            throw ConformanceFailure("its output is not a valid \(stage.output): \(error)")
        }
        let inputPaths = Set(input.files.map(\.path))
        for file in artifact.files where !inputPaths.contains(file.path) {
            let isOld = FileFingerprint(file.path).map { $0.changed < start } ?? false
            let mayBeElsewhere = isOld || stage.effect == .resumable
            try checkOutputFile(file, folder: mayBeElsewhere ? nil : folder)
        }
        if let line = plugin.strayLines.first {
            throw ConformanceFailure(
                "standard output contains a line that is not a message, use standard error: \(line)")
        }
        // Each run has a work folder of its own.
        let text = ((try? value.text()) ?? "").replacing(folder.path, with: "work")
        return (artifact, (try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))) ?? .null)
    }

    /// Checks a file that an output names.
    /// - Parameter folder: The folder that must contain it; nil for any.
    private func checkOutputFile(_ file: FileReference, folder: URL?) throws(ConformanceFailure) {
        guard let bytes = try? FileSize.of(file.path) else {
            throw ConformanceFailure("its output names \(file.path), which does not exist")
        }
        guard bytes == file.bytes else {
            throw ConformanceFailure("its output says that \(file.path) has \(file.bytes) bytes, but it has \(bytes)")
        }
        if let folder, !file.path.hasPrefix(folder.path + "/") {
            throw ConformanceFailure("it created \(file.path) outside its work folder")
        }
        if let declared = file.sha256, declared != (try digest(of: file)) {
            throw ConformanceFailure("the SHA-256 in its output does not match \(file.path)")
        }
    }

    /// Values that change with a file's content: size, inode and modification time. A new hard link does not change
    /// them.
    private func fingerprints(of artifact: any Artifact) -> [[Int64]] {
        artifact.files.map { file in FileFingerprint(file.path).map { [$0.bytes, $0.inode, $0.modified] } ?? [] }
    }

    private func digest(of file: FileReference) throws(ConformanceFailure) -> String {
        do {
            return try ContentDigest.sha256(ofFile: file.path)
        } catch {
            throw ConformanceFailure("its output names \(file.path), which can't be read")
        }
    }

    // MARK: Inputs and requests

    private func sample(for stage: StageDescription) throws(ConformanceFailure) -> any Artifact {
        guard let input = samples[stage.input] else {
            throw ConformanceFailure("no sample of a \(stage.input) is available", isSkipped: true)
        }
        return input
    }

    /// A sample for a stage that the suite may run.
    private func runnableSample(for stage: StageDescription) throws(ConformanceFailure) -> any Artifact {
        if mayPost, stage.resource == .network {
            throw ConformanceFailure("needs an account: test it with the sandbox", isSkipped: true)
        }
        return try sample(for: stage)
    }

    private func json(_ artifact: any Artifact) throws(ConformanceFailure) -> JSONValue {
        do {
            return try JSONValue(encoding: artifact)
        } catch {
            throw ConformanceFailure("the sample can't be encoded as JSON: \(error)")
        }
    }

    private func request(
        to stage: StageDescription, input: JSONValue? = nil, context: RequestContext
    ) -> StageRequest {
        StageRequest(
            id: 1, stage: stage.name, options: options[stage.name.rawValue] ?? [:], input: input, context: context)
    }

    private func runRequest(
        to stage: StageDescription, input: any Artifact, folder: URL
    ) throws(ConformanceFailure) -> StageRequest {
        request(to: stage, input: try json(input), context: RequestContext(BareContext.running(in: folder)))
    }

    private func workFolder(_ name: String) throws(ConformanceFailure) -> URL {
        let folder = folder.appending(path: name)
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw ConformanceFailure("can't create the work folder: \(error.localizedDescription)")
        }
        return folder
    }
}

extension FailureMessage {
    /// Advice for failures that options may resolve, as the end of a message; otherwise empty.
    fileprivate var advice: String {
        code == StageError.Code.invalidOption.rawValue ? " (pass options with --set stage.option=value)" : ""
    }
}
