import Foundation
import PipelineKit
import PluginProtocol
import Posting
import Synchronization

/// Handles the service calls of a child, and refuses those that the child may not make.
struct HostServiceHandler: Sendable {
    let origin: WorkerPool.Origin
    /// The running stage's context; nil for checks and plans, which may not call services.
    let context: StageContext?
    let grants: SecretGrants

    func answer(_ question: ServiceMessage) async -> ServiceAnswer {
        do {
            return ServiceAnswer(request: question.request, value: try await value(question))
        } catch {
            let failure =
                error as? StageError
                ?? StageError(.internalFault, "\(question.service.rawValue) failed: \(error)")
            return ServiceAnswer(request: question.request, error: FailureMessage(failure))
        }
    }

    private func value(_ question: ServiceMessage) async throws -> JSONValue? {
        guard let context else {
            throw StageError(.internalFault, "\(question.service.rawValue) is available only while a stage runs")
        }
        if case .plugin(let name) = origin { return try await open(question, context, plugin: name) }
        switch question.service {
        case .checkpointGet, .checkpointSet: return try await note(question, context)
        case .secret: return .string(try await context.secrets.secret(question.key).reveal())
        case .permit:
            try await context.permits.acquire(
                try argument(question, HostServiceCodec.Permit.self).limit(named: question.key))
            return nil
        case .permitRefused:
            let permit = try argument(question, HostServiceCodec.Permit.self)
            let taken = try await context.permits.refused(
                permit.limit(named: question.key), taken: permit.taken ?? false)
            return try JSONValue(encoding: HostServiceCodec.Taken(taken))
        case .permitGranted:
            try await context.permits.granted(
                try argument(question, HostServiceCodec.Permit.self).limit(named: question.key))
            return nil
        case .credentials:
            return try JSONValue(
                encoding: PostingWire.Tokens(try await context.credentials.credentials(for: question.key)))
        case .credentialsRenewed:
            let rejected = Secret(try argument(question, String.self))
            return try JSONValue(
                encoding: PostingWire.Tokens(
                    try await context.credentials.renewed(for: question.key, after: rejected)))
        case .ledgerFind, .ledgerReserve, .ledgerApply, .ledgerNote, .ledgerRate:
            return try await post(question, context)
        }
    }

    /// Handles the services that plugins may call.
    private func open(
        _ question: ServiceMessage, _ context: StageContext, plugin: String
    ) async throws -> JSONValue? {
        if question.service != .secret, grants.holdsSecret(.object([question.key: question.value ?? .null])) {
            throw StageError(
                .plugin,
                "plugin \(plugin) sends a \(question.service.rawValue) that contains a secret it received, "
                    + "and would be stored",
                hint: "report it to the plugin's author")
        }
        switch question.service {
        case .checkpointGet, .checkpointSet: return try await note(question, context)
        case .permit:
            let permit = try argument(question, HostServiceCodec.Permit.self)
            guard permit.permits > 0, permit.permits < RateLimit.unknown, permit.window > 0, permit.window <= 31 * 86400
            else {
                throw StageError(
                    .plugin, "plugin \(plugin) requests an invalid limit: \(permit.permits) in \(permit.window) s",
                    hint: "use at least 1 permit, and a window of more than 0 s and at most 31 days")
            }
            // A separate name for each plugin, so that it can't use up the program's permits.
            try await context.permits.acquire(permit.limit(named: "plugin/\(plugin)/\(question.key)"))
            return nil
        case .secret: return .string(try await grants.secret(question.key, context.secrets, plugin: plugin).reveal())
        default:
            throw StageError(
                .configuration, "plugins can't use \(question.service.rawValue)",
                hint: "posts, accounts and their rate limits are reserved for built-in stages")
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
            return try found.map { try JSONValue(encoding: PostingWire.Post($0)) }
        case .ledgerReserve:
            let claim = try argument(question, PostingWire.Claim.self)
            let record = try await context.ledger.reserve(claim.key, asset: claim.asset, runID: claim.runID)
            return try JSONValue(encoding: PostingWire.Post(record))
        case .ledgerApply:
            guard let change = try argument(question, PostingWire.Change.self).change else {
                throw StageError(.internalFault, "a change of a post lacks required fields")
            }
            return try JSONValue(
                encoding: PostingWire.Post(try await context.ledger.apply(change, to: question.key)))
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
                .plugin, "\(question.service.rawValue) has an invalid value: \(error)")
        }
    }
}
