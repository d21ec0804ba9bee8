import Foundation
import Logging

/// Where the libraries' logs go: standard error, from the level that `SPREADER_LOG` names; errors when it is unset.
enum Log {
    /// A logger for a command.
    static func make(_ label: String, settings: Settings? = nil, level: Logger.Level = .error) -> Logger {
        var logger = Logger(label: label) { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = settings?["SPREADER_LOG"].flatMap { Logger.Level(rawValue: $0.lowercased()) } ?? level
        return logger
    }

    /// A logger for the sandbox, whose server reports every stop as an error.
    static func sandbox(_ settings: Settings) -> Logger { make("sandbox", settings: settings, level: .critical) }

    /// A logger that says nothing.
    static let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
}
