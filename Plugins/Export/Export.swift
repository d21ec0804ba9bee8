import Foundation
public import PipelineKit

/// Copies each prepared video into a folder, under the name of its footage, and hands it on.
///
/// A file that is already there is never overwritten unless it has the same content, in which case it is left as it
/// is; another file gets a number. On the same file system the copy is a second name of the prepared file. It appears under its name only when it is complete.
public struct Export: Stage {
    /// `export`.
    public static let name: StageName = "export"
    /// One sentence.
    public static let summary = "Copies each prepared video into a folder, named after its footage."
    /// Doing it again finds the file in place.
    public static let effect: Effect = .resumable
    /// Copies a file.
    public static let resource: Resource = .light

    /// What can be set.
    public struct Options: StageOptions {
        @StageOption("The folder; it is made when it is missing.")
        public var directory: String = "out"
        @StageOption(
            "Where `directory` can be reached from the internet: an https address that ends with a slash, below a domain or prefix that the app has verified. TikTok then fetches the file from there instead of being sent it."
        )
        public var publicURL: String? = nil

        /// The defaults.
        public init() {}
    }

    private let options: Options

    /// An export.
    public init(options: Options) throws(StageError) {
        self.options = options
    }

    /// Finds a folder that can't be one.
    public func check(_ context: CheckContext) -> [Diagnostic] {
        var findings = OutputFolder.findings(path: options.directory, pointer: "/directory")
        if let publicURL = options.publicURL, let problem = Self.problem(publicURL) {
            findings.append(
                Diagnostic(
                    code: "bad-public-url", "\"publicURL\" \(problem)",
                    hint: "give an address such as https://media.example.com/clips/", pointer: "/publicURL"))
        }
        return findings
    }

    /// Names the file.
    public func plan(_ input: PreparedVideo, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let path = folder.path(name: input.stem, ending: "mp4")
        return StagePlan(
            action: "copy to \(options.directory)/\((path as NSString).lastPathComponent)",
            details: ["path": .string(path)], output: published(input, path))
    }

    /// Copies the file.
    public func run(_ input: PreparedVideo, _ context: StageContext) async throws(StageError) -> PreparedVideo {
        let path = try await folder.store(
            input.file.path, name: input.stem, ending: "mp4", claims: OutputClaims(context))
        var output = published(input, path)
        output.exportedPath = path
        return output
    }

    private func published(_ input: PreparedVideo, _ path: String) -> PreparedVideo {
        guard let publicURL = options.publicURL else { return input }
        var output = input
        let name = (path as NSString).lastPathComponent
        let plain = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        output.publicURL = publicURL + (name.addingPercentEncoding(withAllowedCharacters: plain) ?? name)
        return output
    }

    private static func problem(_ address: String) -> String? {
        guard address.utf8.allSatisfy({ $0 > 32 && $0 < 127 }), let parts = URLComponents(string: address),
            let host = parts.host?.lowercased(), !host.isEmpty
        else { return "is no web address" }
        // A sandbox on this machine fetches without TLS; TikTok does not.
        let isLocal = ["127.0.0.1", "localhost"].contains(host)
        guard parts.scheme?.lowercased() == "https" || (isLocal && parts.scheme?.lowercased() == "http") else {
            return "must be an https address"
        }
        guard parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil else {
            return "must have no user, query or fragment"
        }
        return address.hasSuffix("/") ? nil : "must end with a slash, since the file's name follows it"
    }

    private var folder: OutputFolder { OutputFolder(path: options.directory) }
}
