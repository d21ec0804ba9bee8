import Foundation
package import Logging

/// Loggers that write to standard error, at the level of `SPREADER_LOG` or, by default, errors only.
package enum Log {
    /// Creates a logger that writes to standard error.
    /// - Parameters:
    ///   - settings: Where to read `SPREADER_LOG`; nil ignores it.
    ///   - level: The level if `SPREADER_LOG` is not set.
    package static func make(_ label: String, settings: Settings? = nil, level: Logger.Level = .error) -> Logger {
        var logger = Logger(label: label) { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = settings?["SPREADER_LOG"].flatMap { Logger.Level(rawValue: $0.lowercased()) } ?? level
        return logger
    }

    /// A logger for the sandbox: critical errors only, because its server logs every shutdown as an error.
    package static func sandbox(_ settings: Settings) -> Logger {
        make("sandbox", settings: settings, level: .critical)
    }

    /// A logger that discards everything.
    package static let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
}
