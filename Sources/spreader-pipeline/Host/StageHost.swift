import Foundation
import PipelineKit
import PipelineRunner

/// The stages as commands use them: those that read footage work in child processes, unless the settings say not to.
struct StageHost: Sendable {
    /// Stages whose libraries read what anyone may have made.
    private static let isolated: Set<String> = ["probe", "split", "transcode"]

    /// The stages.
    let registry: StageRegistry
    private let pool: WorkerPool?

    /// Calls `body` with the stages, then lets the children go.
    static func with<Value>(_ settings: Settings, _ body: (StageHost) async throws -> Value) async throws -> Value {
        let host = try await Command.orExit { () async throws(StageError) in try StageHost(settings) }
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(host))
        } catch {
            result = .failure(error)
        }
        await host.pool?.close()
        return try result.get()
    }

    private init(_ settings: Settings) throws(StageError) {
        switch settings["SPREADER_ISOLATION"] ?? "process" {
        case "none":
            (registry, pool) = (.builtIn, nil)
        case "process":
            let pool = WorkerPool(launch: Self.launch, limits: try Self.limits(settings))
            self.pool = pool
            pool.warm()
            registry = StageRegistry(
                StageRegistry.builtIn.stages.map { stage in
                    Self.isolated.contains(stage.name.rawValue) ? stage.isolated(in: pool) : stage
                })
        case let other:
            throw StageError(
                .configuration, "SPREADER_ISOLATION is \"\(other)\"", hint: "set it to process or none, or leave it out"
            )
        }
    }

    /// This very program, also when its file was replaced meanwhile; without the secrets of its environment.
    private static var launch: WorkerLaunch {
        let environment = ProcessInfo.processInfo.environment.filter {
            !Settings.secretNames.contains($0.key) && !$0.key.hasPrefix("TIKTOK_")
        }
        return WorkerLaunch(executable: "/proc/self/exe", arguments: [StageChild.argument], environment: environment)
    }

    private static func limits(_ settings: Settings) throws(StageError) -> WorkerLimits {
        var limits = WorkerLimits()
        if let text = settings["SPREADER_STAGE_MEMORY"] {
            guard let memory = ByteCount(parsing: text), memory.bytes >= 100_000_000 else {
                throw StageError(
                    .configuration, "SPREADER_STAGE_MEMORY is \"\(text)\"", hint: "set it to a size such as 4GB")
            }
            limits.memory = memory
        }
        if let text = settings["SPREADER_STAGE_STALL"] {
            guard let stall = Duration(parsing: text), stall >= .seconds(1) else {
                throw StageError(
                    .configuration, "SPREADER_STAGE_STALL is \"\(text)\"", hint: "set it to a duration such as 5m")
            }
            limits.stall = stall
        }
        return limits
    }
}
