import PipelineKit
import PluginProtocol
import Synchronization

/// Decides which secrets a plugin may read, and redacts those that it received from everything it sends.
package final class SecretGrants: Sendable {
    private let declared: Set<String>
    private let allowed: Set<String>
    private let received = Mutex<Set<String>>([])
    /// Shorter secrets are not redacted: they would match too much ordinary text.
    private static let shortestRedacted = 4

    /// Creates the grants of one plugin.
    /// - Parameters:
    ///   - declared: The names that the plugin's manifest declares.
    ///   - allowed: The names that the user allows for this plugin.
    ///   - received: Secrets that the plugin receives through its environment.
    package init(declared: Set<String> = [], allowed: Set<String> = [], received: [String] = []) {
        self.declared = declared
        self.allowed = allowed
        self.received.withLock { $0 = Set(received.filter { $0.count >= Self.shortestRedacted }) }
    }

    /// Returns a secret that the plugin requests, which is redacted from then on.
    /// - Throws: `StageError` with code `not-authorised` if the plugin may not read it.
    func secret(_ name: String, from secrets: any SecretProvider, plugin: String) async throws(StageError) -> Secret {
        guard declared.contains(name) else {
            throw StageError(
                .notAuthorised, "plugin \(plugin) requests the secret \(name), which its plugin.json does not declare",
                hint: "ask its author to add it to \"secrets\"", outcome: .configuration)
        }
        guard allowed.contains(name) else {
            throw StageError(
                .notAuthorised, "plugin \(plugin) requests the secret \(name), which you have not allowed",
                hint: "to allow it, set SPREADER_PLUGIN_SECRETS=\(plugin):\(name)", outcome: .configuration)
        }
        let secret = try await secrets.secret(name)
        if secret.reveal().count >= Self.shortestRedacted { _ = received.withLock { $0.insert(secret.reveal()) } }
        return secret
    }

    /// Whether any text in `value` contains a secret that the plugin received.
    func containsSecret(_ value: JSONValue) -> Bool {
        let secrets = received.withLock { $0 }
        return !secrets.isEmpty && value.contains(anyOf: secrets)
    }

    /// The text with received secrets redacted.
    func redacted(_ text: String) -> String {
        // Longest first, because one secret may contain another.
        let secrets = received.withLock { $0 }.sorted { ($0.count, $0) > ($1.count, $1) }
        return secrets.reduce(text) { $0.replacing($1, with: "‹redacted›") }
    }

    /// The text with received secrets redacted, and without terminal control sequences.
    func shown(_ text: String) -> String { VisibleText.of(redacted(text)) }

    /// A plugin's result with its texts redacted and safe for a terminal. Throws if an artifact contains a secret,
    /// because the artifact would be stored.
    func checked(_ result: ResultMessage, of stage: StageName) throws(StageError) -> ResultMessage {
        for case let value? in [result.artifact, result.plan?.output] where containsSecret(value) {
            throw StageError(
                .plugin, "the output of \(stage) contains a secret that the plugin received, and would be stored",
                hint: "report it to the plugin's author")
        }
        var result = result
        if var plan = result.plan {
            plan.action = shown(plan.action)
            plan.reasons = plan.reasons.map(shown)
            plan.details = Dictionary(
                plan.details.map { (shown($0), $1.mappingTexts(shown)) }, uniquingKeysWith: { first, _ in first })
            plan.findings = plan.findings?.map(shown)
            result.plan = plan
        }
        result.findings = result.findings?.map(shown)
        return result
    }

    private func shown(_ finding: Diagnostic) -> Diagnostic {
        var finding = finding
        finding.code = code(finding.code)
        finding.message = shown(finding.message)
        finding.hint = finding.hint.map(shown)
        finding.pointer = finding.pointer.map(shown)
        finding.asset = finding.asset.map(shown)
        if var location = finding.location {
            location.file = shown(location.file)
            finding.location = location
        }
        return finding
    }

    /// The plugin's code if it is valid, otherwise `plugin`: events, records and metrics use codes as they are.
    private func code(_ code: String) -> String {
        let isCode = code.wholeMatch(of: /[a-z0-9-]{1,64}/) != nil && !containsSecret(.string(code))
        return isCode ? code : StageError.Code.plugin.rawValue
    }

    /// The error with its texts redacted and safe for a terminal.
    func redacted(_ error: StageError) -> StageError {
        var error = error
        error.code = StageError.Code(rawValue: code(error.code.rawValue))
        error.message = shown(error.message)
        error.hint = error.hint.map(shown)
        error.cause = error.cause.map { VisibleText.of(redacted($0), keepsBreaks: true) }
        return error
    }
}

extension JSONValue {
    /// Whether any text in it contains one of `secrets`.
    fileprivate func contains(anyOf secrets: Set<String>) -> Bool {
        switch self {
        case .string(let text): secrets.contains { text.contains($0) }
        case .array(let values): values.contains { $0.contains(anyOf: secrets) }
        case .object(let members):
            members.contains { name, value in
                secrets.contains { name.contains($0) } || value.contains(anyOf: secrets)
            }
        case .null, .bool, .integer, .number: false
        }
    }

    /// The value with `change` applied to every text in it, names of members included.
    fileprivate func mappingTexts(_ change: (String) -> String) -> JSONValue {
        switch self {
        case .string(let text): .string(change(text))
        case .array(let values): .array(values.map { $0.mappingTexts(change) })
        case .object(let members):
            .object(
                Dictionary(
                    members.map { (change($0), $1.mappingTexts(change)) }, uniquingKeysWith: { first, _ in first }))
        case .null, .bool, .integer, .number: self
        }
    }
}
