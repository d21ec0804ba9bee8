import Configuration
package import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
package import PipelineKit
import StageHosting
package import Store
import SystemPackage

/// Settings from the environment and from `.env` in the current folder; the environment wins.
package struct Settings: Sendable {
    private let layers: [EnvironmentVariablesProvider]
    private let overrides: [String: String]

    /// Settings that are secrets. Stages never see them as plain settings.
    package static let secretNames: Set<String> = [
        "TIKTOK_CLIENT_SECRET", "TIKTOK_ACCESS_TOKEN", "TIKTOK_REFRESH_TOKEN", "SPREADER_VAULT_KEY", "SPREADER_DB",
        "PGPASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    ]
    /// Whether a setting is a secret of this program or belongs to its TikTok login.
    static func isOwnSecret(_ name: String) -> Bool {
        secretNames.contains(name) || name.hasPrefix("TIKTOK_") || name == "PGPASSFILE"
    }

    /// Settings that stages may read.
    static let plainNames = [
        "TIKTOK_API_BASE_URL", "TIKTOK_AUTHORIZE_URL", "TIKTOK_API", "TIKTOK_CLIENT_KEY", "TIKTOK_REDIRECT_URI",
        "TIKTOK_SCOPE", "TIKTOK_UPLOADS_PER_DAY",
    ]

    /// Reads the environment and `.env`.
    /// - Throws: `StageError` with code `configuration` if `.env` exists but can't be read.
    package static func load() async throws(StageError) -> Settings {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: ".env", isDirectory: &isFolder), isFolder.boolValue {
            throw StageError(.configuration, "the file .env is a folder", hint: "see .env.example")
        }
        do {
            let file = try await EnvironmentVariablesProvider(environmentFilePath: ".env", allowMissing: true)
            return Settings(layers: [EnvironmentVariablesProvider(), file], overrides: [:])
        } catch {
            let reason = (error as? CocoaError)?.code == .fileReadNoPermission ? ": no permission" : ""
            throw StageError(
                .configuration, "the file .env can't be read\(reason)", hint: "it must be UTF-8 text: see .env.example")
        }
    }

    /// A copy with some settings replaced. An empty value hides the setting.
    package func replacing(_ values: [String: String]) -> Settings {
        Settings(layers: layers, overrides: overrides.merging(values) { $1 })
    }

    /// A copy for the sandbox, without the environment's settings for the real TikTok.
    /// - Parameter values: The client settings of the sandbox.
    package func sandboxed(_ values: [String: String] = [:]) -> Settings {
        let names = (Self.plainNames + Self.secretNames).filter { $0.hasPrefix("TIKTOK_") }
        return replacing(Dictionary(names.map { ($0, "") }) { $1 }.merging(values) { $1 })
    }

    /// The value of a setting; nil if it is missing or empty.
    package subscript(name: String) -> String? {
        if let value = overrides[name] { return value.isEmpty ? nil : value }
        for layer in layers {
            if let value = try? layer.environmentValue(forName: name), !value.isEmpty { return value }
        }
        return nil
    }

    /// The value of a secret setting; nil if it is missing or empty.
    package func secret(_ name: String) -> Secret? { self[name].map { Secret($0) } }

    /// Settings that a worker passes to its jobs, whatever their folder: those for the database, the vault and the
    /// artifact store. The settings of the TikTok app come from the job's folder.
    package var shared: [String: String] {
        let names = [
            "SPREADER_VAULT_KEY", "SPREADER_ARTIFACTS", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "PGPASSWORD",
        ]
        return Dictionary(uniqueKeysWithValues: names.compactMap { name in self[name].map { (name, $0) } })
    }

    /// The settings that stages may read.
    package var plain: [String: String] {
        Dictionary(uniqueKeysWithValues: Self.plainNames.compactMap { name in self[name].map { (name, $0) } })
    }

    /// The maximum size of the output cache (`SPREADER_CACHE_SIZE`); 0 turns it off.
    /// - Throws: `StageError` with code `configuration` if the value is not a size.
    package func cacheLimit() throws(StageError) -> ByteCount {
        guard let text = self["SPREADER_CACHE_SIZE"] else { return ByteCount.gigabytes(10) }
        if text == "0" { return ByteCount(0) }
        guard let size = ByteCount(parsing: text) else {
            throw StageError(
                .configuration, "SPREADER_CACHE_SIZE is \"\(text)\"", hint: "set it to a size such as 10GB, or to 0")
        }
        return size
    }

    /// The data folder: `SPREADER_HOME`, or a folder below `XDG_DATA_HOME`.
    package var home: URL {
        if let path = self["SPREADER_HOME"] { return URL(filePath: path).standardizedFileURL }
        let data = self["XDG_DATA_HOME"] ?? (self["HOME"] ?? NSHomeDirectory()) + "/.local/share"
        return URL(filePath: data).appending(path: "spreader-pipeline")
    }

    /// The file with the vault key, used if `SPREADER_VAULT_KEY` is not set.
    package var vaultKeyFile: URL { home.appending(path: "vault.key") }

    /// The location of the database.
    package enum Database: Sendable, Hashable {
        case sqlite(path: String)
        /// The address may hold a password.
        case postgres(Secret)

        /// The address in the form of `SPREADER_DB`.
        package var address: Secret {
            switch self {
            case .sqlite(let path): Secret("sqlite:\(path)")
            case .postgres(let address): address
            }
        }
    }

    /// The database to use: `--db`, `SPREADER_DB`, or a file in the data folder.
    /// - Parameter flag: The value of `--db`; nil if the flag is missing.
    /// - Throws: `StageError` with code `configuration` if the address is invalid.
    package func database(flag: String?) throws(StageError) -> Database {
        guard let text = flag ?? self["SPREADER_DB"] else {
            return .sqlite(path: home.appending(path: "spreader.db").path)
        }
        if text.hasPrefix("sqlite:") {
            let path = String(text.dropFirst("sqlite:".count))
            return .sqlite(
                path: URL(filePath: path.hasPrefix("//") ? String(path.dropFirst(2)) : path).standardizedFileURL.path)
        }
        if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") { return .postgres(Secret(text)) }
        // Don't quote an invalid address: it may hold a password.
        let scheme = text.prefix { $0.isASCII && ($0.isLetter || $0 == "+") }
        let isScheme = !scheme.isEmpty && text.dropFirst(scheme.count).first == ":"
        throw StageError(
            .configuration,
            isScheme
                ? "databases of type \"\(scheme)\" are not supported"
                : "the database address is invalid",
            hint: "use sqlite:PATH or postgres://USER@HOST/NAME for --db or SPREADER_DB")
    }

    /// The artifact store that machines share (`SPREADER_ARTIFACTS`), a folder or a bucket; nil if it is not set.
    /// - Parameter clock: Used to sign requests to a bucket.
    /// - Throws: `StageError` with code `configuration` if the value is invalid, or the keys for a bucket are missing.
    func artifacts(clock: HostClock) throws(StageError) -> (any ArtifactStore)? {
        guard let text = self["SPREADER_ARTIFACTS"] else { return nil }
        if text.hasPrefix("s3://") { return try S3Artifacts(address: text, setting: { self[$0] }, clock: clock) }
        guard !text.contains("://") else {
            throw StageError(
                .configuration, "SPREADER_ARTIFACTS is \"\(text)\"",
                hint: "set it to a folder that all machines share, or to s3://BUCKET/PREFIX")
        }
        return FolderArtifacts(folder: URL(filePath: text).standardizedFileURL)
    }

    /// The ID of an account. Its identity depends on the name, the app and the host of the service, so that it survives a
    /// rotated token or a sandbox on another port.
    package func accountID(_ name: String) -> AccountID {
        let host = self["TIKTOK_API_BASE_URL"].flatMap { URL(string: $0)?.host() } ?? "open.tiktokapis.com"
        let mark = ContentDigest.sha256("\(host)\n\(self["TIKTOK_CLIENT_KEY"] ?? "")").prefix(12)
        return AccountID(name: name, service: host, identity: "\(name)@\(mark)")
    }
}
