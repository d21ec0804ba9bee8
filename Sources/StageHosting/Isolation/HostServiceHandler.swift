import Foundation
import PipelineKit
import PluginProtocol
import Posting

/// Handles the service calls of a child, and refuses those that the child may not make.
struct HostServiceHandler: Sendable {
    let origin: WorkerPool.Origin
    /// The running stage's context; nil for checks and plans, which may not call services.
    let context: StageContext?
    let grants: SecretGrants

    func answer(_ call: ServiceCall) async -> ServiceAnswer {
        do {
            return ServiceAnswer(request: call.request, value: try await value(of: call))
        } catch {
            let failure =
                error as? StageError ?? StageError(.internalFault, "\(call.service.rawValue) failed: \(error)")
            return ServiceAnswer(request: call.request, error: FailureMessage(failure))
        }
    }

    private func value(of call: ServiceCall) async throws -> JSONValue? {
        guard let context else {
            throw StageError(.internalFault, "\(call.service.rawValue) is available only while a stage runs")
        }
        return switch origin {
        case .plugin(let name): try await pluginValue(of: call, plugin: name, context: context)
        case .program: try await programValue(of: call, context: context)
        }
    }

    /// Handles the services that plugins may call.
    private func pluginValue(
        of call: ServiceCall, plugin: String, context: StageContext
    ) async throws -> JSONValue? {
        if call.service != .secret, grants.containsSecret(.object([call.key: call.value ?? .null])) {
            throw StageError(
                .plugin,
                "plugin \(plugin) sends a \(call.service.rawValue) that contains a secret it received, "
                    + "and would be stored",
                hint: "report it to the plugin's author")
        }
        switch call.service {
        case .checkpointGet: return try await context.checkpoints.value(call.key)
        case .checkpointSet:
            try await context.checkpoints.set(call.key, to: call.value ?? .null)
            return nil
        case .permit:
            let permit = try call.argument(as: HostServiceCodec.Permit.self)
            guard permit.permits > 0, permit.permits < RateLimit.unknown, permit.window > 0, permit.window <= 31 * 86400
            else {
                throw StageError(
                    .plugin, "plugin \(plugin) requests an invalid limit: \(permit.permits) in \(permit.window) s",
                    hint: "use at least 1 permit, and a window of more than 0 s and at most 31 days")
            }
            // A separate name for each plugin, so that it can't use up the program's permits.
            try await context.permits.acquire(permit.limit(named: "plugin/\(plugin)/\(call.key)"))
            return nil
        case .secret:
            return .string(try await grants.secret(call.key, from: context.secrets, plugin: plugin).reveal())
        default:
            throw StageError(
                .configuration, "plugins can't use \(call.service.rawValue)",
                hint: "posts, accounts and their rate limits are reserved for built-in stages")
        }
    }

    /// Handles all services, for children that run the program itself.
    private func programValue(of call: ServiceCall, context: StageContext) async throws -> JSONValue? {
        switch call.service {
        case .checkpointGet: return try await context.checkpoints.value(call.key)
        case .checkpointSet:
            try await context.checkpoints.set(call.key, to: call.value ?? .null)
            return nil
        case .secret: return .string(try await context.secrets.secret(call.key).reveal())
        case .permit:
            try await context.permits.acquire(
                try call.argument(as: HostServiceCodec.Permit.self).limit(named: call.key))
            return nil
        case .permitRefused:
            let permit = try call.argument(as: HostServiceCodec.Permit.self)
            let taken = try await context.permits.refused(
                permit.limit(named: call.key), taken: permit.taken ?? false)
            return try JSONValue(encoding: HostServiceCodec.Taken(taken))
        case .permitGranted:
            try await context.permits.granted(
                try call.argument(as: HostServiceCodec.Permit.self).limit(named: call.key))
            return nil
        case .credentials:
            return try JSONValue(
                encoding: PostingWire.Tokens(try await context.credentials.credentials(for: call.key)))
        case .credentialsRenewed:
            let rejected = Secret(try call.argument(as: String.self))
            return try JSONValue(
                encoding: PostingWire.Tokens(try await context.credentials.renewed(for: call.key, after: rejected)))
        case .ledgerFind, .ledgerReserve, .ledgerApply, .ledgerNote, .ledgerRate:
            return try await ledgerValue(of: call, ledger: context.ledger)
        }
    }

    private func ledgerValue(of call: ServiceCall, ledger: any PostLedger) async throws -> JSONValue? {
        switch call.service {
        case .ledgerFind:
            let found = try await ledger.find(try call.argument(as: PostKey.self))
            return try found.map { try JSONValue(encoding: PostingWire.Post($0)) }
        case .ledgerReserve:
            let claim = try call.argument(as: PostingWire.Claim.self)
            let record = try await ledger.reserve(claim.key, asset: claim.asset, runID: claim.runID)
            return try JSONValue(encoding: PostingWire.Post(record))
        case .ledgerApply:
            guard let change = try call.argument(as: PostingWire.Change.self).change else {
                throw StageError(.internalFault, "a change of a post lacks required fields")
            }
            return try JSONValue(encoding: PostingWire.Post(try await ledger.apply(change, to: call.key)))
        case .ledgerNote:
            try await ledger.note(uploadRate: try call.argument(as: Double.self), to: call.key)
            return nil
        default:
            let start = try call.argument(as: Date.self)
            return try await ledger.uploadRate(to: call.key, since: start).map(JSONValue.number)
        }
    }
}

extension ServiceCall {
    /// The value of the call, decoded.
    /// - Throws: `StageError` with code `plugin` if it does not match the type.
    fileprivate func argument<Argument: Decodable>(as type: Argument.Type) throws(StageError) -> Argument {
        do {
            return try (value ?? .null).decode(type)
        } catch {
            throw StageError(.plugin, "\(service.rawValue) has an invalid value: \(error)")
        }
    }
}
