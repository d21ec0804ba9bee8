package import PipelineKit

/// A service of the host that a child can call while it runs a stage.
package enum HostService: String, Sendable, Codable, CaseIterable {
    /// Reads a durable note of this stage for this asset: `key` is its name.
    case checkpointGet = "checkpoint.get"
    /// Writes a durable note: `key` is its name, `value` the note.
    case checkpointSet = "checkpoint.set"
    /// Waits for a permit: `key` names the limit, `value` has `permits`, `window` (seconds) and optionally `subject`.
    case permit
    /// Reads a secret that the plugin's manifest declares and the user allows: `key` is its name.
    case secret
    /// Reports that the remote service rejected a call because of its rate limit. This service and all below are
    /// reserved for children that run the program itself.
    case permitRefused = "permit.refused"
    /// Reports that the remote service accepts calls again.
    case permitGranted = "permit.granted"
    /// Reads an account's credentials.
    case credentials
    /// Renews credentials after the remote service rejected an access token.
    case credentialsRenewed = "credentials.renewed"
    /// Finds a post in the ledger.
    case ledgerFind = "ledger.find"
    /// Reserves a post in the ledger.
    case ledgerReserve = "ledger.reserve"
    /// Applies a state change to a post.
    case ledgerApply = "ledger.apply"
    /// Records the speed of an upload.
    case ledgerNote = "ledger.note"
    /// Reads the speed of recent uploads.
    case ledgerRate = "ledger.rate"

    /// The services that every child may call, plugins included.
    package static let open: [HostService] = [.checkpointGet, .checkpointSet, .permit, .secret]
}

/// A call of a host service, which the host answers with ``ServiceAnswer``.
package struct ServiceCall: Sendable, Hashable {
    /// The service to call: the message's `type`.
    package var service: HostService
    /// The id of the request that the call belongs to.
    package var id: Int
    /// The number of this call, which the answer repeats.
    package var request: Int
    /// The subject of the call, such as the name of a note or a secret.
    package var key: String
    /// The argument of the call; nil if the service takes none.
    package var value: JSONValue?

    package init(_ service: HostService, id: Int, request: Int, key: String, value: JSONValue? = nil) {
        self.service = service
        self.id = id
        self.request = request
        self.key = key
        self.value = value
    }
}

/// The host's answer to a service call.
package struct ServiceAnswer: Sendable, Hashable {
    /// The number of the call; see ``ServiceCall/request``.
    package var request: Int
    /// The result of the call; nil if there is none, such as after a write.
    package var value: JSONValue?
    /// The error if the call failed, otherwise nil.
    package var error: FailureMessage?

    package init(request: Int, value: JSONValue? = nil, error: FailureMessage? = nil) {
        self.request = request
        self.value = value
        self.error = error
    }
}
