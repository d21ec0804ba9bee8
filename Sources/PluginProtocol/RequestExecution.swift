import Foundation
import Logging
import PipelineKit
import Synchronization

/// One request in a child process: creates the stage, its input and its context, and does the work.
struct RequestExecution: Sendable {
    let request: StageRequest
    let definition: StageDefinition
    let host: HostChannel
    let output: LineOutput
    let grantedServices: GrantedServices

    func check() async throws -> ResultMessage {
        let stage = try definition.make(request.options)
        let context = CheckContext(
            post: try post, account: request.context.account ?? "", settings: request.context.settings,
            services: grantedServices(host, request.context))
        return ResultMessage(id: request.id, findings: await stage.check(context))
    }

    func plan() async throws -> ResultMessage {
        let stage = try definition.make(request.options)
        let context = PlanContext(post: try post, settings: request.context.settings, logger: logger)
        return ResultMessage(id: request.id, plan: try PlanMessage(try await stage.plan(try input, context)))
    }

    func run() async throws -> ResultMessage {
        let stage = try definition.make(request.options)
        let artifact = try await stage.run(try input, try stageContext)
        return ResultMessage(id: request.id, artifact: try JSONValue(encoding: artifact))
    }

    private var post: PostSettings {
        get throws { try PostSettings.make(from: request.context.post) }
    }

    private var input: any Artifact {
        get throws {
            guard let input = request.input else {
                throw StageError(.internalFault, "the request for stage \(request.stage) has no input")
            }
            return try definition.decodeInput(input)
        }
    }

    private var logger: Logger {
        let level = Logger.Level(rawValue: request.context.logLevel) ?? .error
        return Logger(label: request.stage) { [output, id = request.id] _ in
            RemoteLogHandler(requestID: id, output: output, logLevel: level)
        }
    }

    private var stageContext: StageContext {
        get throws {
            let context = request.context
            guard let folder = context.workDirectory else {
                throw StageError(.internalFault, "the request for stage \(request.stage) has no work folder")
            }
            let throttle = ProgressThrottle()
            var result = StageContext(
                runID: context.run ?? "", stageID: context.stageID ?? request.stage, asset: context.asset ?? "",
                workDirectory: URL(filePath: folder), logger: logger, checkpoints: host, permits: host)
            result.attempt = context.attempt ?? 1
            result.runDirectory = context.runDirectory.map { URL(filePath: $0) } ?? result.workDirectory
            result.post = try post
            result.account = context.account ?? ""
            result.settings = context.settings
            result.progress = { [output, id = request.id] progress in
                if throttle.admits(progress) { output.send(.progress(ProgressMessage(id: id, progress))) }
            }
            result.secrets = host
            result.services = grantedServices(host, context)
            result.clock = clock
            result.planned = try context.planned.map(definition.decodeOutput)
            return result
        }
    }

    /// The host's clock, which may differ from the system clock.
    private var clock: HostClock {
        let offset = request.context.time.map { $0 - Date().timeIntervalSince1970 } ?? 0
        return HostClock(now: { Date().addingTimeInterval(offset) }, sleep: { try await Task.sleep(for: $0) })
    }
}

/// Limits progress to twenty reports a second, but always passes the last one: stages may report each frame.
private final class ProgressThrottle: Sendable {
    private let last = Mutex<ContinuousClock.Instant?>(nil)

    func admits(_ progress: StageProgress) -> Bool {
        let now = ContinuousClock.now
        return last.withLock { last in
            if let last, progress.fraction < 1, now - last < .milliseconds(50) { return false }
            last = now
            return true
        }
    }
}
