import ArgumentParser
import Foundation
import PipelineKit
import Store

/// What commands share.
enum Command {
    /// The settings, or a clear end of the program.
    static func settings() async throws -> Settings {
        try await orExit { () async throws(StageError) in try await Settings.load() }
    }

    /// The records that are there already, when they can be opened; nothing is made.
    static func existing(_ settings: Settings, database: String? = nil) async -> HostAssembly? {
        guard let place = try? settings.database(flag: database) else { return nil }
        if case .sqlite(let path) = place, !FileManager.default.fileExists(atPath: path) { return nil }
        return try? await HostAssembly.open(settings, database: database, setsUp: false)
    }

    /// Credentials for checks: from the vault when there is one, else from settings.
    static func credentials(_ settings: Settings, _ assembly: HostAssembly?) async -> VaultCredentials {
        if let stored = try? await assembly?.credentials() { return stored }
        return VaultCredentials(
            settings: settings, vault: nil, locks: SharedLocks(folder: settings.home), clock: .system)
    }

    /// Runs `body`; an error is printed and ends the program with its status.
    static func orExit<Value>(_ body: () async throws(StageError) -> Value) async throws -> Value {
        do throws(StageError) {
            return try await body()
        } catch {
            throw exit(error)
        }
    }

    /// Prints an error.
    /// - Returns: Its status, to end the program with.
    static func exit(_ error: StageError) -> ExitCode {
        Output.message("error: \(error.description)")
        return ExitCode(Int32(error.outcome.rawValue))
    }

    /// A moment for tables, in local time.
    static func moment(_ date: Date) -> String {
        date.formatted(
            .verbatim(
                "\(year: .padded(4))-\(month: .twoDigits)-\(day: .twoDigits) \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits)",
                timeZone: .current, calendar: Calendar(identifier: .gregorian)))
    }
}
