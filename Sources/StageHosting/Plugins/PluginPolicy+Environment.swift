package import PipelineKit

/// Which variables of the environment a plugin gets: a manifest may name any, and some hold what nobody meant to give.
extension PluginPolicy {
    private static let secretWords = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL"]

    /// Whether a variable may hold a secret: by a word of its name, or because somebody calls it one.
    func holdsSecret(_ name: String) -> Bool {
        if declaredSecrets.contains(name) || secrets.values.contains(where: { $0.contains(name) }) { return true }
        return name.uppercased().split(separator: "_").contains { word in
            let single = word.hasSuffix("S") ? word.dropLast() : word
            return Self.secretWords.contains { single.hasSuffix($0) }
        }
    }

    /// The variables of a manifest's `environment` that the plugin gets.
    func handedOver(to manifest: PluginManifest) -> [String] {
        let allowed = secrets[manifest.name] ?? []
        return manifest.environment.filter { allowed.contains($0) || !holdsSecret($0) }
    }

    /// What the plugin asks for and does not get, at its manifest.
    /// - Parameter onlySet: Whether variables without a value are passed over.
    package func findings(_ manifest: PluginManifest, onlySet: Bool) -> [Diagnostic] {
        let given = handedOver(to: manifest)
        return manifest.environment.filter { !given.contains($0) && !(onlySet && variable($0) == nil) }.map { name in
            Diagnostic(
                .warning, code: "plugin-environment",
                "plugin \(manifest.name) does not get \(name): it may hold a secret",
                hint: "to allow it, set SPREADER_PLUGIN_SECRETS=\(manifest.name):\(name)",
                location: SourceLocation(file: manifest.file), subject: .configuration)
        }
    }
}
