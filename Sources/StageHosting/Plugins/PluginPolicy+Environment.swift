package import PipelineKit

/// Decides which environment variables a plugin receives: a manifest may name any, including those with secrets.
extension PluginPolicy {
    private static let secretWords = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL"]

    /// Whether a variable may hold a secret: its name has a word such as `TOKEN`, or a manifest or the user declares it
    /// as a secret.
    func holdsSecret(_ name: String) -> Bool {
        if declaredSecrets.contains(name) || secrets.values.contains(where: { $0.contains(name) }) { return true }
        return name.uppercased().split(separator: "_").contains { word in
            let single = word.hasSuffix("S") ? word.dropLast() : word
            return Self.secretWords.contains { single.hasSuffix($0) }
        }
    }

    /// The variables of a manifest's `environment` that the plugin receives.
    func grantedVariables(of manifest: PluginManifest) -> [String] {
        let allowed = secrets[manifest.name] ?? []
        return manifest.environment.filter { allowed.contains($0) || !holdsSecret($0) }
    }

    /// Warnings about variables that the manifest names, but the plugin does not receive.
    /// - Parameter onlySet: Whether to skip variables without a value.
    package func findings(_ manifest: PluginManifest, onlySet: Bool) -> [Diagnostic] {
        let granted = grantedVariables(of: manifest)
        return manifest.environment.filter { !granted.contains($0) && !(onlySet && variable($0) == nil) }.map { name in
            Diagnostic(
                .warning, code: "plugin-environment",
                "plugin \(manifest.name) does not get \(name): it may hold a secret",
                hint: "to allow it, set SPREADER_PLUGIN_SECRETS=\(manifest.name):\(name)",
                location: SourcePosition(file: manifest.file), subject: .configuration)
        }
    }
}
