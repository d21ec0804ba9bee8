import Foundation
package import PipelineKit
import PluginProtocol

/// What the program allows plugins to use.
package struct PluginPolicy: Sendable {
    /// The minimal environment of every plugin, such as `PATH`.
    package var environment: [String: String]
    /// Returns the value of a variable that a manifest names; nil if it is not set or is a secret of the program.
    package var variable: @Sendable (String) -> String?
    /// The names of secrets that the user allows, by plugin.
    package var secrets: [String: Set<String>]
    /// The names that any plugin's manifest declares as secrets.
    package var declaredSecrets: Set<String>
    /// The resource limits, which a manifest may lower.
    package var limits: WorkerLimits
    /// The host's version, for the greeting.
    package var hostVersion: String

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

    /// The default resource limits of plugins.
    package static var usualLimits: WorkerLimits {
        var limits = WorkerLimits()
        limits.start = .seconds(5)
        limits.processor = .seconds(3600)
        limits.time = .seconds(2 * 3600)
        limits.countsGroup = true
        return limits
    }
}

/// An installed plugin, which starts when its stages are first needed.
package final class Plugin: Sendable {
    package let manifest: PluginManifest
    private let pool: WorkerPool
    private let grants: SecretGrants

    /// Creates a plugin without starting it.
    package init(_ manifest: PluginManifest, _ policy: PluginPolicy) {
        self.manifest = manifest
        let (launch, limits) = Self.launch(manifest, policy)
        let secretVariables = policy.grantedVariables(of: manifest).filter(policy.holdsSecret)
        let grants = SecretGrants(
            declared: Set(manifest.secrets), allowed: policy.secrets[manifest.name] ?? [],
            received: secretVariables.compactMap(policy.variable))
        self.grants = grants
        pool = WorkerPool(
            launch: launch, limits: limits, origin: .plugin(name: manifest.name), hostVersion: policy.hostVersion,
            redact: { grants.redacted($0) })
    }

    /// How to start the plugin, and its resource limits.
    static func launch(
        _ manifest: PluginManifest, _ policy: PluginPolicy
    ) -> (launch: WorkerLaunch, limits: WorkerLimits) {
        var environment = policy.environment
        for name in policy.grantedVariables(of: manifest) {
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

    /// Starts the plugin and returns its stages.
    /// - Throws: `StageError` with code `configuration` if the plugin can't be started, speaks another protocol, does
    ///   not match its manifest or has an irreversible stage.
    package func stages() async throws(StageError) -> [StageDefinition] {
        let ready = try await pool.ready()
        if let problem = Self.problem(with: ready, of: manifest) {
            throw StageError(
                .configuration, "plugin \(manifest.name): \(problem)",
                hint: "upgrade it, or report it to its author: `plugins check` shows the details")
        }
        let fingerprint = "\(manifest.name) \(manifest.version) (\(await PluginFiles(manifest).fingerprint()))"
        return try ready.stages.map { (description) throws(StageError) in
            guard let schema = OptionSchema(description.optionsSchema) else {
                throw StageError(
                    .configuration, "plugin \(manifest.name): the options of \(description.name) are not an object",
                    hint: "report it to its author")
            }
            return definition(
                of: description, schema: schema, fingerprint: fingerprint, features: Set(ready.features))
        }
    }

    /// Ends the plugin's processes.
    package func close() async { await pool.close() }

    /// The first problem with a plugin's answer to the greeting; nil if the answer matches the manifest.
    static func problem(with ready: ChildReady, of manifest: PluginManifest, mayPost: Bool = false) -> String? {
        if ready.name != manifest.name { return "it calls itself \"\(ready.name)\", but its plugin.json does not" }
        if ready.release != manifest.version {
            return "it reports version \(ready.release), but its plugin.json has \(manifest.version)"
        }
        let (declared, offered) = (Set(manifest.stages), ready.stages.map(\.name.rawValue))
        if let missing = manifest.stages.first(where: { !offered.contains($0) }) {
            return "it does not offer the stage \"\(missing)\" of its plugin.json"
        }
        if let more = offered.first(where: { !declared.contains($0) }) {
            return "it offers the stage \"\(more)\", which its plugin.json does not list"
        }
        if !mayPost, let final = ready.stages.first(where: { $0.effect == .irreversible }) {
            return "its stage \(final.name) is irreversible, but only built-in stages may post"
        }
        return nil
    }

    private func definition(
        of description: StageDescription, schema: OptionSchema, fingerprint: String, features: Set<String>
    ) -> StageDefinition {
        let (pool, grants) = (pool, grants)
        return StageDefinition(
            description, origin: "\(manifest.name) \(manifest.version)", fingerprint: fingerprint,
            options: schema.descriptors, findings: schema.findings,
            make: { (options) throws(StageError) in
                if let name = schema.missing(in: options).first {
                    throw StageError(
                        .invalidOption, "needs the option \"\(name)\"",
                        hint: "try: spreader-pipeline stages \(description.name)")
                }
                let stage = IsolatedStage(
                    stage: description,
                    decodeOutput: { try OpaqueArtifact.decode($0, kind: description.output) }, options: options,
                    pool: pool, grants: grants)
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

    /// The path of a manifest's program: relative to its folder, or found in `path`.
    private static func program(_ name: String, in folder: URL, path: String) -> String {
        if name.hasPrefix("/") { return name }
        if name.contains("/") { return folder.appending(path: name).standardizedFileURL.path }
        let candidates = path.split(separator: ":").map { "\($0)/\(name)" }
        return candidates.first(where: FileManager.default.isExecutableFile) ?? name
    }
}

/// The plugins that a command needs, started in parallel.
package struct PluginSet: Sendable {
    package let plugins: [Plugin]

    /// Creates the plugins from their manifests without starting them.
    package init(_ manifests: [PluginManifest], _ policy: PluginPolicy) {
        plugins = manifests.map { Plugin($0, policy) }
    }

    /// Starts the plugins that offer one of `names`.
    /// - Parameter names: Names of stages; nil for all plugins.
    /// - Returns: Their stages, and the errors of those that can't be used, by name.
    package func stages(
        named names: Set<String>?
    ) async -> (stages: [StageDefinition], unusable: [String: StageError]) {
        let wanted = plugins.filter { plugin in
            names.map { !$0.isDisjoint(with: plugin.manifest.stages) } ?? true
        }
        let results = await Self.stages(of: wanted)
        var stages: [StageDefinition] = []
        var unusable: [String: StageError] = [:]
        for (plugin, result) in zip(wanted, results) {
            switch result {
            // The first of two plugins with a stage of the same name wins.
            case .success(let found):
                stages += found.filter { new in !stages.contains { $0.name == new.name } }
            case .failure(let error):
                for name in plugin.manifest.stages where unusable[name] == nil { unusable[name] = error }
            }
        }
        for stage in stages { unusable[stage.name.rawValue] = nil }
        return (stages, unusable)
    }

    /// Starts plugins in parallel.
    private static func stages(of plugins: [Plugin]) async -> [Result<[StageDefinition], StageError>] {
        await withTaskGroup(of: (index: Int, result: Result<[StageDefinition], StageError>).self) { group in
            for (index, plugin) in plugins.enumerated() {
                group.addTask {
                    do throws(StageError) {
                        return (index, .success(try await plugin.stages()))
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            let results = await group.reduce(into: []) { $0.append($1) }
            return results.sorted { $0.index < $1.index }.map(\.result)
        }
    }

    /// Ends the processes of all plugins.
    package func close() async {
        await withTaskGroup { group in
            for plugin in plugins { group.addTask { await plugin.close() } }
        }
    }
}
