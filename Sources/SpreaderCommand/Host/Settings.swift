import Configuration
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting
import Store
import SystemPackage

/// Settings in the order of the design: flag, environment, `.env` in the current folder, default.
struct Settings: Sendable {
    private let layers: [EnvironmentVariablesProvider]
    private let overrides: [String: String]

    /// Names that hold secrets: never handed to stages as plain settings.
    static let secretNames: Set<String> = [
        "TIKTOK_CLIENT_SECRET", "TIKTOK_ACCESS_TOKEN", "TIKTOK_REFRESH_TOKEN", "SPREADER_VAULT_KEY", "SPREADER_DB",
        "PGPASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    ]
    /// Whether a name is one of this program's own secrets, or of its login.
    static func isOwnSecret(_ name: String) -> Bool {
        secretNames.contains(name) || name.hasPrefix("TIKTOK_") || name == "PGPASSFILE"
    }

    /// Names that stages may read.
    static let plainNames = [
        "TIKTOK_API_BASE_URL", "TIKTOK_AUTHORIZE_URL", "TIKTOK_API", "TIKTOK_CLIENT_KEY", "TIKTOK_REDIRECT_URI",
        "TIKTOK_SCOPE", "TIKTOK_UPLOADS_PER_DAY",
    ]

    /// Reads environment and `.env`.
    /// - Throws: `StageError` with code `configuration` when `.env` is there but can't be read.
    static func load() async throws(StageError) -> Settings {
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
                .configuration, "the file .env can't be read\(reason)", hint: "it is UTF-8 text: see .env.example")
        }
    }

    /// The same settings with some replaced: an empty value hides the setting.
    func replacing(_ values: [String: String]) -> Settings {
        Settings(layers: layers, overrides: overrides.merging(values) { $1 })
    }

    /// The same settings for the sandbox: whatever the environment says of TikTok is about another service.
    /// - Parameter values: What the sandbox says of itself.
    func sandboxed(_ values: [String: String] = [:]) -> Settings {
        let names = (Self.plainNames + Self.secretNames).filter { $0.hasPrefix("TIKTOK_") }
        return replacing(Dictionary(names.map { ($0, "") }) { $1 }.merging(values) { $1 })
    }

    /// The value of a setting; nil when it is missing or empty.
    subscript(name: String) -> String? {
        if let value = overrides[name] { return value.isEmpty ? nil : value }
        for layer in layers {
            if let value = try? layer.environmentValue(forName: name), !value.isEmpty { return value }
        }
        return nil
    }

    /// The value of a secret setting.
    func secret(_ name: String) -> Secret? { self[name].map { Secret($0) } }

    /// Settings of a worker that hold for its jobs, in whatever folder they run: who reads the same records and shares
    /// the same files. The app's own are those of the job's folder.
    var shared: [String: String] {
        let names = [
            "SPREADER_VAULT_KEY", "SPREADER_ARTIFACTS", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "PGPASSWORD",
        ]
        return Dictionary(uniqueKeysWithValues: names.compactMap { name in self[name].map { (name, $0) } })
    }

    /// What stages may read.
    var plain: [String: String] {
        Dictionary(uniqueKeysWithValues: Self.plainNames.compactMap { name in self[name].map { (name, $0) } })
    }

    /// How much may be kept for later runs: `SPREADER_CACHE_SIZE`; 0 for nothing.
    /// - Throws: `StageError` with code `configuration` for what is no size.
    func cacheLimit() throws(StageError) -> ByteCount {
        guard let text = self["SPREADER_CACHE_SIZE"] else { return ByteCount.gigabytes(10) }
        if text == "0" { return ByteCount(0) }
        guard let size = ByteCount(parsing: text) else {
            throw StageError(
                .configuration, "SPREADER_CACHE_SIZE is \"\(text)\"", hint: "set it to a size such as 10GB, or to 0")
        }
        return size
    }

    /// Where the program keeps its data.
    var home: URL {
        if let path = self["SPREADER_HOME"] { return URL(filePath: path).standardizedFileURL }
        let data = self["XDG_DATA_HOME"] ?? (self["HOME"] ?? NSHomeDirectory()) + "/.local/share"
        return URL(filePath: data).appending(path: "spreader-pipeline")
    }

    /// The vault's key, when no setting gives it.
    var vaultKeyFile: URL { home.appending(path: "vault.key") }

    /// Where the records are.
    enum Database: Sendable, Hashable {
        /// A file.
        case sqlite(path: String)
        /// A server; the address may hold a password.
        case postgres(Secret)

        /// As `SPREADER_DB` names it.
        var address: Secret {
            switch self {
            case .sqlite(let path): Secret("sqlite:\(path)")
            case .postgres(let address): address
            }
        }
    }

    /// Where the records are: `--db`, `SPREADER_DB`, or a file in the data folder.
    /// - Parameter flag: The value of `--db`.
    /// - Throws: `StageError` with code `configuration` for a form that is not understood.
    func database(flag: String?) throws(StageError) -> Database {
        guard let text = flag ?? self["SPREADER_DB"] else {
            return .sqlite(path: home.appending(path: "spreader.db").path)
        }
        if text.hasPrefix("sqlite:") {
            let path = String(text.dropFirst("sqlite:".count))
            return .sqlite(
                path: URL(filePath: path.hasPrefix("//") ? String(path.dropFirst(2)) : path).standardizedFileURL.path)
        }
        if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") { return .postgres(Secret(text)) }
        // What is no address may hold a password.
        let scheme = text.prefix { $0.isASCII && ($0.isLetter || $0 == "+") }
        let isScheme = !scheme.isEmpty && text.dropFirst(scheme.count).first == ":"
        throw StageError(
            .configuration,
            isScheme
                ? "a database of the kind \"\(scheme)\" is not supported"
                : "the address of the database has a form that is not understood",
            hint: "use sqlite:PATH or postgres://USER@HOST/NAME for --db or SPREADER_DB")
    }

    /// Content that machines share: `SPREADER_ARTIFACTS`, a folder or a bucket; nil when it is not set.
    /// - Parameter clock: Time, for signatures.
    /// - Throws: `StageError` with code `configuration` for a form that is not understood, or without keys for a bucket.
    func artifacts(clock: HostClock) throws(StageError) -> (any ArtifactStore)? {
        guard let text = self["SPREADER_ARTIFACTS"] else { return nil }
        if text.hasPrefix("s3://") { return try S3Artifacts(address: text, setting: { self[$0] }, clock: clock) }
        guard !text.contains("://") else {
            throw StageError(
                .configuration, "SPREADER_ARTIFACTS is \"\(text)\"",
                hint: "set it to a folder that all machines reach, or to s3://BUCKET/PREFIX")
        }
        return FolderArtifacts(folder: URL(filePath: text).standardizedFileURL)
    }

    /// An account by its name. Its identity holds the name, the app and the service, so that neither a rotated token
    /// nor another port of the same sandbox makes it a different account.
    func accountID(_ name: String) -> AccountID {
        let host = self["TIKTOK_API_BASE_URL"].flatMap { URL(string: $0)?.host() } ?? "open.tiktokapis.com"
        let mark = ContentDigest.sha256("\(host)\n\(self["TIKTOK_CLIENT_KEY"] ?? "")").prefix(12)
        return AccountID(name: name, service: host, identity: "\(name)@\(mark)")
    }
}
