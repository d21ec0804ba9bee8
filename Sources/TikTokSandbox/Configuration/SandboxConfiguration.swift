package import Foundation
package import Logging

/// What one sandbox needs to know before it starts.
///
/// ```swift
/// let configuration = SandboxConfiguration(dataDirectory: folder, port: nil, faultsFile: nil, logger: logger)
/// let server = try SandboxServer(configuration: configuration)
/// ```
package struct SandboxConfiguration: Sendable {
    /// The folder that holds posts, tokens and the request log. Created with mode 0700 when it is missing.
    package var dataDirectory: URL
    /// The loopback port, or `nil` for the port that this folder used before, else any free one.
    package var port: Int?
    /// A JSON file with settings and fault rules, see ``FaultPlan``.
    package var faultsFile: URL?
    /// Receives what the sandbox has to say; never a token.
    package var logger: Logger

    /// Describes a sandbox.
    package init(dataDirectory: URL, port: Int?, faultsFile: URL?, logger: Logger) {
        self.dataDirectory = dataDirectory
        self.port = port
        self.faultsFile = faultsFile
        self.logger = logger
    }
}
