import ArgumentParser
import Foundation
import PipelineKit
import Store

/// Helpers that several commands share.
enum Command {
    /// Loads the settings. If they can't be read, prints the error and exits.
    static func settings() async throws -> Settings {
        try await orExit { () async throws(StageError) in try await Settings.load() }
    }

    /// Opens the database if it exists. Returns nil if it is missing or can't be opened, and never creates one.
    static func existing(_ settings: Settings, database: String? = nil) async -> HostAssembly? {
        guard let place = try? settings.database(flag: database) else { return nil }
        if case .sqlite(let path) = place, !FileManager.default.fileExists(atPath: path) { return nil }
        return try? await HostAssembly.open(settings, database: database, setsUp: false)
    }

    /// Credentials for checks: from the vault if there is one, otherwise from the settings.
    static func credentials(_ settings: Settings, _ assembly: HostAssembly?) async -> VaultCredentials {
        if let stored = try? await assembly?.credentials() { return stored }
        return VaultCredentials(
            settings: settings, vault: nil, locks: SharedLocks(folder: settings.home), clock: .system)
    }

    /// Runs `body`. Prints an error and throws its exit code.
    static func orExit<Value>(_ body: () async throws(StageError) -> Value) async throws -> Value {
        do throws(StageError) {
            return try await body()
        } catch {
            throw exit(error)
        }
    }

    /// Prints an error and returns its exit code, for the caller to throw.
    static func exit(_ error: StageError) -> ExitCode {
        Output.message("error: \(error.description)")
        return ExitCode(Int32(error.outcome.rawValue))
    }

    /// Formats a date for tables, in local time.
    static func moment(_ date: Date) -> String {
        date.formatted(
            .verbatim(
                "\(year: .padded(4))-\(month: .twoDigits)-\(day: .twoDigits) \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits)",
                timeZone: .current, calendar: Calendar(identifier: .gregorian)))
    }
}
