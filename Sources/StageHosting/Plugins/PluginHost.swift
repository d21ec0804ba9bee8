import Foundation
package import PipelineKit
package import PluginProtocol
import Store

/// What the program lets plugins have.
package struct PluginPolicy: Sendable {
    /// Environment of every plugin: no more than programs need to find each other.
    package var environment: [String: String]
    /// The value of a variable that a manifest names; nil when there is none, or it is the program's own secret.
    package var variable: @Sendable (String) -> String?
    /// Names of secrets that the user allows a plugin, by its name.
    package var secrets: [String: Set<String>]
    /// Names that some plugin's manifest declares as secrets.
    package var declaredSecrets: Set<String>
    /// Limits; a manifest may ask for less.
    package var limits: WorkerLimits
    /// The host's version, for the greeting.
    package var hostVersion: String

    /// A policy; see the properties.
    package init(
        environment: [String: String], variable: @escaping @Sendable (String) -> String? = { _ in nil },
        secrets: [String: Set<String>] = [:], declaredSecrets: Set<String> = [],
        limits: WorkerLimits = WorkerLimits(), hostVersion: String = ""
    ) {
        self.environment = environment
        self.variable = variable
        self.secrets = secrets
        self.declaredSecrets = declaredSecrets
        self.limits = limits
        self.hostVersion = hostVersion
    }

    /// What every plugin may use, unless its manifest or the user says otherwise.
    package static var usualLimits: WorkerLimits {
        var limits = WorkerLimits()
        limits.start = .seconds(5)
        limits.processor = .seconds(3600)
        limits.time = .seconds(2 * 3600)
        limits.countsGroup = true
        return limits
    }
}

/// A plugin that can be started, and its stages once it was.
package final class Plugin: Sendable {
    /// What its manifest says.
    package let manifest: PluginManifest
    private let pool: WorkerPool
    private let grants: SecretGrants

    /// A plugin; it is started by its first work.
    package init(_ manifest: PluginManifest, _ policy: PluginPolicy) {
        self.manifest = manifest
        let (launch, limits) = Self.launch(manifest, policy)
        let secretVariables = policy.handedOver(to: manifest).filter(policy.holdsSecret)
        let grants = SecretGrants(
            declared: Set(manifest.secrets), allowed: policy.secrets[manifest.name] ?? [],
            given: secretVariables.compactMap(policy.variable))
        self.grants = grants
        pool = WorkerPool(
            launch: launch, limits: limits, origin: .plugin(name: manifest.name), hostVersion: policy.hostVersion,
            redact: { grants.redacted($0) })
    }

    /// How a plugin is started, and what it may use.
    static func launch(
        _ manifest: PluginManifest, _ policy: PluginPolicy
    ) -> (launch: WorkerLaunch, limits: WorkerLimits) {
        var environment = policy.environment
        for name in policy.handedOver(to: manifest) {
            if let value = policy.variable(name) { environment[name] = value }
        }
        let command = manifest.command
        let program = program(command.first ?? "", in: manifest.folder, path: environment["PATH"] ?? "")
        var launch = WorkerLaunch(
            executable: program, arguments: Array(command.dropFirst()), environment: environment)
        launch.directory = manifest.folder.path
        launch.capturesErrors = true
        launch.keepsGroup = true
        var limits = policy.limits
        limits.memory = min(manifest.limits.memory ?? limits.memory, limits.memory)
        limits.processor = [manifest.limits.processor, limits.processor].compactMap { $0 }.min()
        limits.time = [manifest.limits.time, limits.time].compactMap { $0 }.min()
        return (launch, limits)
    }

    /// Starts it and asks for its stages.
    /// - Throws: `StageError` with code `configuration` when it can't be started, speaks another protocol, or offers what
    ///   no plugin may.
    package func stages() async throws(StageError) -> [StageType] {
        let ready = try await pool.ready()
        if let problem = Self.problem(with: ready, manifest) {
            throw StageError(
                .configuration, "plugin \(manifest.name): \(problem)",
                hint: "upgrade it, or report it to its author: `plugins check` shows all of it")
        }
        let mark = "\(manifest.name) \(manifest.version) (\(await PluginFiles(manifest).mark()))"
        return try ready.stages.map { (description) throws(StageError) in
            guard let schema = OptionSchema(description.options) else {
                throw StageError(
                    .configuration, "plugin \(manifest.name): the options of \(description.name) are no object",
                    hint: "report it to its author")
            }
            return type(description, schema, mark, features: Set(ready.features))
        }
    }

    /// Lets its processes go.
    package func close() async { await pool.close() }

    /// What is wrong with a plugin's answer to the greeting.
    static func problem(with ready: ChildReady, _ manifest: PluginManifest, mayPost: Bool = false) -> String? {
        if ready.name != manifest.name { return "it calls itself \"\(ready.name)\", and its plugin.json does not" }
        if ready.release != manifest.version {
            return "it says that it is version \(ready.release), its plugin.json says \(manifest.version)"
        }
        let (said, offered) = (Set(manifest.stages), ready.stages.map(\.name.rawValue))
        if let missing = manifest.stages.first(where: { !offered.contains($0) }) {
            return "it does not offer the stage \"\(missing)\" of its plugin.json"
        }
        if let more = offered.first(where: { !said.contains($0) }) {
            return "it offers the stage \"\(more)\", which its plugin.json does not name"
        }
        if !mayPost, let final = ready.stages.first(where: { $0.effect == .irreversible }) {
            return "its stage \(final.name) is irreversible, and only the program's own stages may post"
        }
        return nil
    }

    private func type(
        _ description: StageDescription, _ schema: OptionSchema, _ mark: String, features: Set<String>
    ) -> StageType {
        let origin = "\(manifest.name) \(manifest.version)"
        let (pool, grants) = (pool, grants)
        // What makes the instances needs the type that they are of.
        let bare = StageType(
            description, origin: origin, mark: mark, options: schema.descriptors, findings: schema.findings,
            make: { (_) throws(StageError) in throw StageError(.internalFault, "a stage without a maker") })
        return StageType(
            description, origin: origin, mark: mark, options: schema.descriptors, findings: schema.findings,
            make: { (options) throws(StageError) in
                if let name = schema.missing(in: options).first {
                    throw StageError(
                        .invalidOption, "needs the option \"\(name)\"",
                        hint: "see: spreader-pipeline stages \(description.name)")
                }
                let stage = IsolatedStage(type: bare, options: options, pool: pool, grants: grants)
                return AnyStage(
                    options: schema.values(of: options),
                    check: { features.contains("check") ? await stage.check($0) : [] },
                    dependencies: { _ in schema.paths(in: options) },
                    plan: { (input, context) async throws(StageError) in
                        guard features.contains("plan") else { return StagePlan(action: description.summary) }
                        return try await stage.plan(input, context)
                    }, run: { (input, context) async throws(StageError) in try await stage.run(input, context) })
            })
    }

    /// Path of a manifest's program.
    private static func program(_ name: String, in folder: URL, path: String) -> String {
        if name.hasPrefix("/") { return name }
        if name.contains("/") { return folder.appending(path: name).standardizedFileURL.path }
        for place in path.split(separator: ":") where FileManager.default.isExecutableFile(atPath: "\(place)/\(name)") {
            return "\(place)/\(name)"
        }
        return name
    }
}

/// The plugins that a command needs, started side by side.
package struct PluginSet: Sendable {
    /// The plugins.
    package let plugins: [Plugin]

    /// Plugins from their manifests; none is started yet.
    package init(_ manifests: [PluginManifest], _ policy: PluginPolicy) {
        plugins = manifests.map { Plugin($0, policy) }
    }

    /// Starts the plugins that offer one of `names`.
    /// - Parameter names: Names of stages; nil for all plugins.
    /// - Returns: Their stages, and why others can't be had, by name.
    package func stages(
        named names: Set<String>?
    ) async -> (stages: [StageType], unusable: [String: StageError]) {
        let wanted = plugins.filter { plugin in
            names.map { !$0.isDisjoint(with: plugin.manifest.stages) } ?? true
        }
        return await withTaskGroup(of: (Int, Result<[StageType], StageError>).self) { group in
            for (index, plugin) in wanted.enumerated() {
                group.addTask {
                    do throws(StageError) {
                        return (index, .success(try await plugin.stages()))
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            var answers: [(Int, Result<[StageType], StageError>)] = []
            for await answer in group { answers.append(answer) }
            var stages: [StageType] = []
            var unusable: [String: StageError] = [:]
            for (index, answer) in answers.sorted(by: { $0.0 < $1.0 }) {
                switch answer {
                // Of two plugins with a stage of the same name the first holds.
                case .success(let found):
                    stages += found.filter { new in !stages.contains { $0.name == new.name } }
                case .failure(let error):
                    for name in wanted[index].manifest.stages where unusable[name] == nil { unusable[name] = error }
                }
            }
            for stage in stages { unusable[stage.name.rawValue] = nil }
            return (stages, unusable)
        }
    }

    /// Lets all processes go.
    package func close() async {
        await withTaskGroup { group in
            for plugin in plugins { group.addTask { await plugin.close() } }
        }
    }
}
