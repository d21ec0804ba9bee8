import Foundation
import Glibc

extension Terminal {
    /// The terminal behind standard output. Never interactive: results are not redrawn.
    static func standardOutput(environment: [String: String] = ProcessInfo.processInfo.environment) -> Terminal {
        let isTerminal = isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
        return Terminal(
            isInteractive: false, hasColor: isTerminal && (environment["NO_COLOR"] ?? "").isEmpty, width: 80)
    }
}
