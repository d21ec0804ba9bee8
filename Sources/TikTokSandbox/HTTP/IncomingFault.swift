/// Why a request ended without a response.
enum IncomingFault: Error, Sendable {
    /// The client closed the connection before the end of its body.
    case clientDisconnected
    /// A fault rule closes the connection in the middle of the body.
    case droppedByRule
}
