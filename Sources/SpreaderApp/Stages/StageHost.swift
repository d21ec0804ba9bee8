import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
package import PipelineFile
package import PipelineKit
import PluginProtocol
package import StageHosting

/// The stages for a command. Stages that read footage run in child processes, unless the settings turn that off; plugin
/// stages run in the processes of their plugins.
package struct StageHost: Sendable {

    /// The stages that a command needs, so that only the necessary plugins are started.
    package enum Need {
        /// The stages with these names, such as those in a pipeline file.
        case named(Set<String>)
        /// All stages, including those of every plugin.
        case all
    }

    /// Which stages run in child processes of this program (`SPREADER_ISOLATION`).
    private enum Isolation: String, CaseIterable {
        /// Only stages that the pipeline isolates explicitly.
        case none
        /// Stages that read footage.
        case process
        case all
    }

    package let registry: StageRegistry
    /// The plugins of the settings. Started only if needed.
    let plugins: PluginSet
    /// Findings about plugin manifests and withheld variables.
    let findings: [Diagnostic]
    private let pool: WorkerPool

    /// Calls `body` with the stages, then closes the child processes.
    /// - Parameters:
    ///   - isolate: Whether every stage runs in a child process.
    package static func with<Value>(
        _ settings: Settings, _ need: Need, isolate: Bool = false, _ body: (StageHost) async throws -> Value
    ) async throws -> Value {
        let host = try await StageHost(settings, need, isolate: isolate)
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(host))
        } catch {
            result = .failure(error)
        }
        await host.pool.close()
        await host.plugins.close()
        return try result.get()
    }

    private init(_ settings: Settings, _ need: Need, isolate: Bool) async throws(StageError) {
        let isolation = isolate ? .all : try Self.isolation(settings)
        let pool = WorkerPool(launch: Self.launch, limits: try Self.limits(settings), hostVersion: Version.current)
        self.pool = pool
        let names: Set<String>? =
            switch need {
            case .named(let names): names
            case .all: nil
            }
        if isolation != .none, case .named = need { pool.warm() }
        let linked = StageRegistry.linked.stages.map { stage in
            switch isolation {
            case .none: stage
            case .process: stage.access.contains(.footage) ? Self.isolated(stage, in: pool) : stage
            case .all: Self.isolated(stage, in: pool)
            }
        }
        let (manifests, findings) = Self.manifests(settings)
        let own = Set(linked.map(\.name.rawValue))
        let policy = try Self.policy(settings, manifests)
        plugins = PluginSet(manifests, policy)
        // Start no plugin if the pipeline names only linked stages.
        let foreign = names.map { $0.subtracting(own) }
        self.findings =
            findings
            + manifests.filter { foreign?.isDisjoint(with: $0.stages) != true }.flatMap {
                policy.findings($0, onlySet: true)
            }
        let (offered, unusable) = foreign?.isEmpty == true ? ([], [:]) : await plugins.stages(named: foreign)
        registry = StageRegistry(
            linked + offered.filter { !own.contains($0.name.rawValue) }, unusable: unusable,
            isolated: { stage in
                let isAlready =
                    stage.origin != nil || isolation == .all
                    || isolation == .process && stage.access.contains(.footage)
                return isAlready ? stage : Self.isolated(stage, in: pool)
            })
    }

    /// Findings about plugins, and why stages of some can't be used, as lines for the user.
    package var warnings: [String] {
        findings.map(\.text) + Set(registry.unusable.values.map(\.description)).sorted().map { "warning: \($0)" }
    }

    /// The manifests of the plugins in the plugin folders.
    package static func manifests(_ settings: Settings) -> (plugins: [PluginManifest], findings: [Diagnostic]) {
        let directory = URL(filePath: FileManager.default.currentDirectoryPath)
        return PluginFinder.find(in: folders(settings), from: directory)
    }

    /// The plugin folders, in search order.
    package static func folders(_ settings: Settings) -> [String] {
        let more = (settings["SPREADER_PLUGIN_PATH"] ?? "").split(separator: ":").map(String.init)
        return ["plugins", settings.home.appending(path: "plugins").path] + more
    }

    private static func isolated(_ stage: StageDefinition, in pool: WorkerPool) -> StageDefinition {
        stage.isolated(in: pool, narrowestConfinement(for: stage.access))
    }

    /// The narrowest confinement that leaves a stage what it declares.
    private static func narrowestConfinement(for access: StageAccess) -> Confinement {
        if access.contains(.network) { return .none }
        return access.contains(.footage) && !access.contains(.files) ? .footage : .offline
    }

    private static func isolation(_ settings: Settings) throws(StageError) -> Isolation {
        guard let text = settings["SPREADER_ISOLATION"] else { return .process }
        guard let isolation = Isolation(rawValue: text) else {
            throw StageError(
                .configuration, "SPREADER_ISOLATION is \"\(text)\"",
                hint: "set it to process, all or none, or leave it out")
        }
        return isolation
    }

    /// Starts this program again, even if its file was replaced meanwhile; without the secrets in its environment.
    private static var launch: WorkerLaunch {
        let environment = ProcessInfo.processInfo.environment.filter {
            !Settings.secretNames.contains($0.key) && !$0.key.hasPrefix("TIKTOK_")
        }
        return WorkerLaunch(executable: "/proc/self/exe", arguments: [StageChild.argument], environment: environment)
    }

    /// A manifest that describes this program's own child process as a plugin, for `plugins check --built-in`.
    /// - Throws: `StageError` with code `configuration` if a setting is invalid.
    package static func ownManifest(_ settings: Settings) throws(StageError) -> (PluginManifest, PluginPolicy) {
        let manifest = PluginManifest(
            name: StageChild.argument, version: Version.current, command: [launch.executable] + launch.arguments,
            stages: StageRegistry.linked.stages.map(\.name.rawValue),
            folder: URL(filePath: FileManager.default.currentDirectoryPath))
        return (manifest, try policy(settings, [manifest]))
    }

    /// The policy for plugins: their environment, secrets and limits.
    /// - Parameter manifests: All plugins. A variable that one declares as a secret is withheld from the others.
    package static func policy(_ settings: Settings, _ manifests: [PluginManifest]) throws(StageError) -> PluginPolicy {
        let names = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR"]
        let inherited = ProcessInfo.processInfo.environment.filter {
            names.contains($0.key) || $0.key.hasPrefix("LC_")
        }
        let limits = try limits(settings, usual: PluginPolicy.usualLimits)
        return PluginPolicy(
            environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"].merging(inherited) { $1 },
            variable: { name in Settings.isOwnSecret(name) ? nil : settings[name] },
            secrets: try secrets(settings), declaredSecrets: Set(manifests.flatMap(\.secrets)), limits: limits,
            hostVersion: Version.current)
    }

    /// The secrets that each plugin may read (`SPREADER_PLUGIN_SECRETS`): `plugin:NAME`, separated by commas.
    private static func secrets(_ settings: Settings) throws(StageError) -> [String: Set<String>] {
        var allowed: [String: Set<String>] = [:]
        for word in (settings["SPREADER_PLUGIN_SECRETS"] ?? "").split(separator: ",") {
            let parts = word.split(separator: ":", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
                throw StageError(
                    .configuration, "SPREADER_PLUGIN_SECRETS has the invalid entry \"\(word)\"",
                    hint: "set it to plugin:NAME, separated by commas, such as captions:CAPTIONS_API_KEY")
            }
            guard !Settings.isOwnSecret(parts[1]) else {
                throw StageError(
                    .configuration, "\(parts[1]) is a secret of this program, which plugins can't read",
                    hint: "give the plugin a secret of its own")
            }
            allowed[parts[0], default: []].insert(parts[1])
        }
        return allowed
    }

    private static func limits(
        _ settings: Settings, usual: WorkerLimits = WorkerLimits()
    ) throws(StageError) -> WorkerLimits {
        var limits = usual
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

    /// Starts a child process and returns the confinement that it reports: `landlock`, `seccomp`, or neither.
    /// - Throws: `StageError` with code `configuration` if no child process can be started.
    package static func confinement(_ settings: Settings) async throws(StageError) -> [String] {
        let pool = WorkerPool(launch: launch, limits: try limits(settings), hostVersion: Version.current)
        let ready = try await pool.ready(sandbox: SandboxPolicy(reads: [], writes: []))
        await pool.close()
        return ready.confinement ?? []
    }
}
