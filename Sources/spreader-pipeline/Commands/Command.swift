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

    /// Credentials for checks: from settings, else from the vault when there is one. Nothing is made on disk.
    static func credentials(_ settings: Settings, database: String? = nil) async -> VaultCredentials {
        let alone = VaultCredentials(settings: settings, vault: nil, locks: settings.home, clock: .system)
        guard settings["TIKTOK_ACCESS_TOKEN"] == nil, settings["TIKTOK_REFRESH_TOKEN"] == nil,
            let path = try? settings.databasePath(flag: database), FileManager.default.fileExists(atPath: path),
            let assembly = try? HostAssembly(settings: settings, database: database),
            let stored = try? await assembly.credentials()
        else { return alone }
        return stored
    }

    /// Runs `body`; an error is printed and ends the program with its status.
    static func orExit<Value>(_ body: () async throws(StageError) -> Value) async throws -> Value {
        do throws(StageError) {
            return try await body()
        } catch {
            Output.message("error: \(error.description)")
            throw ExitCode(Int32(error.outcome.rawValue))
        }
    }

    /// A moment for tables, in local time.
    static func moment(_ date: Date) -> String {
        date.formatted(
            .verbatim(
                "\(year: .padded(4))-\(month: .twoDigits)-\(day: .twoDigits) \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits)",
                timeZone: .current, calendar: Calendar(identifier: .gregorian)))
    }
}
