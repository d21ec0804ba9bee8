import Foundation
import PipelineKit
import Synchronization

/// Answers what a child asks of its host, as far as the child may have it.
struct ServiceDesk: Sendable {
    let origin: WorkerPool.Origin
    /// The running stage's; nil for checks and plans, which ask for nothing.
    let context: StageContext?
    let grants: SecretGrants

    func answer(_ question: ServiceMessage) async -> ServiceAnswer {
        do {
            return ServiceAnswer(request: question.request, value: try await value(question))
        } catch {
            let failure =
                error as? StageError
                ?? StageError(.internalFault, "\(question.service.rawValue) can't be answered: \(error)")
            return ServiceAnswer(request: question.request, error: FailureMessage(failure))
        }
    }

    private func value(_ question: ServiceMessage) async throws -> JSONValue? {
        guard let context else {
            throw StageError(.internalFault, "only a running stage has \(question.service.rawValue)")
        }
        if case .plugin(let name) = origin { return try await open(question, context, plugin: name) }
        switch question.service {
        case .checkpointGet, .checkpointSet: return try await note(question, context)
        case .secret: return .string(try await context.secrets.secret(question.key).reveal())
        case .permit:
            try await context.permits.acquire(
                try argument(question, ServiceWire.Permit.self).limit(named: question.key))
            return nil
        case .permitRefused:
            let permit = try argument(question, ServiceWire.Permit.self)
            let taken = try await context.permits.refused(
                permit.limit(named: question.key), taken: permit.taken ?? false)
            return try JSONValue(encoding: ServiceWire.Taken(taken))
        case .permitGranted:
            try await context.permits.granted(
                try argument(question, ServiceWire.Permit.self).limit(named: question.key))
            return nil
        case .credentials:
            return try JSONValue(
                encoding: ServiceWire.Tokens(try await context.credentials.credentials(for: question.key)))
        case .credentialsRenewed:
            let rejected = Secret(try argument(question, String.self))
            return try JSONValue(
                encoding: ServiceWire.Tokens(
                    try await context.credentials.renewed(for: question.key, after: rejected)))
        case .ledgerFind, .ledgerReserve, .ledgerApply, .ledgerNote, .ledgerRate:
            return try await post(question, context)
        }
    }

    /// What plugins may have.
    private func open(
        _ question: ServiceMessage, _ context: StageContext, plugin: String
    ) async throws -> JSONValue? {
        switch question.service {
        case .checkpointGet, .checkpointSet: return try await note(question, context)
        case .permit:
            let permit = try argument(question, ServiceWire.Permit.self)
            guard permit.permits > 0, permit.permits < RateLimit.unknown, permit.window > 0, permit.window <= 31 * 86400
            else {
                throw StageError(
                    .plugin, "plugin \(plugin) asks for a permit of \(permit.permits) in \(permit.window) s",
                    hint: "permits are at least 1, windows longer than 0 and no longer than 31 days")
            }
            // A name of its own: a plugin can't use up the program's permits.
            try await context.permits.acquire(permit.limit(named: "plugin/\(plugin)/\(question.key)"))
            return nil
        case .secret: return .string(try await grants.secret(question.key, context.secrets, plugin: plugin).reveal())
        default:
            throw StageError(
                .configuration, "plugins have no \(question.service.rawValue)",
                hint: "posts, their account and their limits are for the program's own stages")
        }
    }

    private func note(_ question: ServiceMessage, _ context: StageContext) async throws -> JSONValue? {
        if question.service == .checkpointGet { return try await context.checkpoints.value(question.key) }
        try await context.checkpoints.set(question.key, to: question.value ?? .null)
        return nil
    }

    private func post(_ question: ServiceMessage, _ context: StageContext) async throws -> JSONValue? {
        switch question.service {
        case .ledgerFind:
            let found = try await context.ledger.find(try argument(question, PostKey.self))
            return try found.map { try JSONValue(encoding: ServiceWire.Post($0)) }
        case .ledgerReserve:
            let claim = try argument(question, ServiceWire.Claim.self)
            let record = try await context.ledger.reserve(claim.key, asset: claim.asset, runID: claim.runID)
            return try JSONValue(encoding: ServiceWire.Post(record))
        case .ledgerApply:
            guard let change = try argument(question, ServiceWire.Change.self).change else {
                throw StageError(.internalFault, "a step of a post lacks what belongs to it")
            }
            return try JSONValue(
                encoding: ServiceWire.Post(try await context.ledger.apply(change, to: question.key)))
        case .ledgerNote:
            try await context.ledger.note(uploadRate: try argument(question, Double.self), to: question.key)
            return nil
        default:
            let moment = try argument(question, Date.self)
            return try await context.ledger.uploadRate(to: question.key, since: moment).map(JSONValue.number)
        }
    }

    private func argument<Value: Decodable>(_ question: ServiceMessage, _ type: Value.Type) throws -> Value {
        do {
            return try (question.value ?? .null).decode(type)
        } catch {
            throw StageError(
                .plugin, "\(question.service.rawValue) came with a value of the wrong form: \(error)")
        }
    }
}

/// Secrets that a plugin may have, and those that it was given, which must not be seen in what it says.
package final class SecretGrants: Sendable {
    private let declared: Set<String>
    private let allowed: Set<String>
    private let given = Mutex<Set<String>>([])

    /// Grants.
    /// - Parameters:
    ///   - declared: Names that the plugin's manifest declares.
    ///   - allowed: Names that the user allows this plugin.
    package init(declared: Set<String> = [], allowed: Set<String> = []) {
        self.declared = declared
        self.allowed = allowed
    }

    func secret(_ name: String, _ secrets: any SecretProvider, plugin: String) async throws(StageError) -> Secret {
        guard declared.contains(name) else {
            throw StageError(
                .notAuthorised, "plugin \(plugin) asks for the secret \(name), which its plugin.json does not declare",
                hint: "its author has to add it to \"secrets\"", outcome: .configuration)
        }
        guard allowed.contains(name) else {
            throw StageError(
                .notAuthorised, "plugin \(plugin) asks for the secret \(name), which you have not allowed",
                hint: "to allow it, set SPREADER_PLUGIN_SECRETS=\(plugin):\(name)", outcome: .configuration)
        }
        let secret = try await secrets.secret(name)
        if secret.reveal().count >= 4 { _ = given.withLock { $0.insert(secret.reveal()) } }
        return secret
    }

    /// The text without the secrets that were given.
    func redacted(_ text: String) -> String {
        // The longest first: one may hold another.
        let secrets = given.withLock { $0 }.sorted { ($0.count, $0) > ($1.count, $1) }
        return secrets.reduce(text) { $0.replacing($1, with: "‹redacted›") }
    }

    /// A result without the secrets that were given. An artifact that holds one is refused: it would be written down.
    func checked(_ result: ResultMessage, of stage: StageName) throws(StageError) -> ResultMessage {
        let secrets = given.withLock { $0 }
        guard !secrets.isEmpty else { return result }
        for value in [result.artifact, result.plan?.output] {
            if let value, value.holds(anyOf: secrets) {
                throw StageError(
                    .plugin, "the output of \(stage) holds a secret that it was given, and would be written down",
                    hint: "report it to the plugin's author")
            }
        }
        var result = result
        if var plan = result.plan {
            plan.action = redacted(plan.action)
            plan.reasons = plan.reasons.map(redacted)
            plan.details = plan.details.mapValues { $0.holds(anyOf: secrets) ? "‹redacted›" : $0 }
            plan.findings = plan.findings?.map(redacted)
            result.plan = plan
        }
        result.findings = result.findings?.map(redacted)
        return result
    }

    private func redacted(_ finding: Diagnostic) -> Diagnostic {
        var finding = finding
        finding.message = redacted(finding.message)
        finding.hint = finding.hint.map(redacted)
        return finding
    }

    /// The error without the secrets that were given, and without what would steer a terminal.
    func redacted(_ error: StageError) -> StageError {
        var error = error
        error.message = VisibleText.of(redacted(error.message))
        error.hint = error.hint.map { VisibleText.of(redacted($0)) }
        error.cause = error.cause.map { VisibleText.of(redacted($0), keepsBreaks: true) }
        return error
    }
}

extension JSONValue {
    /// Whether any text in it holds one of `secrets`.
    fileprivate func holds(anyOf secrets: Set<String>) -> Bool {
        switch self {
        case .string(let text): secrets.contains { text.contains($0) }
        case .array(let values): values.contains { $0.holds(anyOf: secrets) }
        case .object(let members):
            members.contains { name, value in
                secrets.contains { name.contains($0) } || value.holds(anyOf: secrets)
            }
        case .null, .bool, .integer, .number: false
        }
    }
}
