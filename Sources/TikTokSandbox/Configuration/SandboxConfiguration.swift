package import Foundation
package import Logging

/// Where a sandbox keeps its data, where it listens, and which faults it starts with.
///
/// ```swift
/// let configuration = SandboxConfiguration(dataDirectory: folder, port: nil, faultsFile: nil, logger: logger)
/// let server = try SandboxServer(configuration: configuration)
/// ```
package struct SandboxConfiguration: Sendable {
    /// The folder for posts, tokens and the request log. Created with mode 0700 if missing.
    package var dataDirectory: URL
    /// The loopback port. `nil` reuses the port of the folder's last run, or else any free one.
    package var port: Int?
    /// A JSON file with settings and fault rules; see ``FaultPlan``.
    package var faultsFile: URL?
    /// Never receives a token.
    package var logger: Logger

    package init(dataDirectory: URL, port: Int?, faultsFile: URL?, logger: Logger) {
        self.dataDirectory = dataDirectory
        self.port = port
        self.faultsFile = faultsFile
        self.logger = logger
    }
}
