import Foundation
import Glibc
import PipelineKit
import PluginProtocol

/// Checks of the plugin's process, whatever its stages do.
extension PluginConformance {
    func started() throws(ConformanceFailure) -> RawPlugin {
        do throws(POSIXError) {
            return try RawPlugin(launch)
        } catch {
            throw ConformanceFailure(
                "\(launch.executable) can't be started: \(String(cString: strerror(error.code.rawValue)))")
        }
    }

    func greeted() throws(ConformanceFailure) -> (plugin: RawPlugin, ready: ChildReady) {
        let plugin = try started()
        plugin.send(
            .hello(
                HostHello(
                    host: "spreader-pipeline", features: HostService.open.map(\.rawValue) + ["shutdown"],
                    memory: limits.memory.bytes)))
        let ready = try plugin.ready(within: limits.start)
        guard ready.version == StageProtocol.version else {
            let error = TerminationReason.foreignProtocol(
                name: ready.name, release: ready.release, version: ready.version, ours: StageProtocol.version
            ).startError(plugin: manifest.name, lastErrors: nil)
            throw ConformanceFailure(error.description)
        }
        return (plugin, ready)
    }

    func checkUnknownFields() throws(ConformanceFailure) -> String {
        let plugin = try started()
        plugin.send(
            #"{"type":"hello","protocols":[1],"host":"spreader-pipeline","version":"","features":["tomorrow"],"#
                + #""tomorrow":{"a":[1,null]}}"#)
        _ = try plugin.ready(within: limits.start)
        return "ignored"
    }

    func checkAnotherProtocol() throws(ConformanceFailure) -> String {
        let plugin = try started()
        plugin.send(#"{"type":"hello","protocols":[999],"host":"spreader-pipeline","version":"","features":[]}"#)
        guard let (raw, _) = plugin.next(within: limits.start) else {
            throw ConformanceFailure("no answer to a host of protocol 999\(plugin.fate)")
        }
        guard let version = raw["protocol"]?.integerValue else {
            throw ConformanceFailure(
                "a host of protocol 999 got \(raw.excerpt); answer ready with the plugin's own protocol")
        }
        guard version != 999 else { throw ConformanceFailure("it claims to speak protocol 999") }
        return "answers with protocol \(version)"
    }

    func checkShutdown() throws(ConformanceFailure) -> String {
        let (plugin, _) = try greeted()
        plugin.send(.shutdown)
        plugin.closeInput()
        return try plugin.exit(after: "shutdown", within: Self.stopTimeout)
    }

    func checkClosedInput() throws(ConformanceFailure) -> String {
        let (plugin, _) = try greeted()
        plugin.closeInput()
        return try plugin.exit(after: "its input was closed", within: Self.stopTimeout)
    }

    func checkUnknownStage() throws(ConformanceFailure) -> String {
        let (plugin, _) = try greeted()
        let request = StageRequest(
            id: 1, stage: "no-such-stage", options: [:], input: [:],
            context: RequestContext(BareContext.running(in: folder)))
        plugin.send(.run(request))
        guard case .failure = try plugin.answer(to: request, within: Self.answerTimeout) else {
            throw ConformanceFailure("it returned a result for a stage that it does not have")
        }
        return "rejected"
    }
}
