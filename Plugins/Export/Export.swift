import Foundation
public import PipelineKit

/// Copies each prepared video into a folder, named after its footage, and passes it on.
///
/// Never overwrites a file: one with the same content is reused, otherwise the new file gets a number. On the same file
/// system the copy is a hard link. The file appears under its name only when it is complete.
public struct Export: Stage {
    public static let name: StageName = "export"
    public static let summary = "Copies each prepared video into a folder, named after its footage."
    /// A repeated run finds the file in place.
    public static let effect: Effect = .resumable
    /// Only copies a file.
    public static let resource: Resource = .light
    public static let access: StageAccess = .files

    public struct Options: StageOptions {
        @StageOption("Output folder; created if it is missing.")
        public var directory: String = "out"
        @StageOption(
            "Public https address of `directory`, ending with a slash, under a domain or prefix that the app has verified. TikTok then downloads the file from there instead of receiving an upload."
        )
        public var publicURL: String? = nil

        public init() {}
    }

    public static func sampleOptions(in folder: String) -> [String: JSONValue] {
        ["directory": .string(folder + "/export")]
    }

    private let options: Options

    public init(options: Options) throws(StageError) {
        self.options = options
    }

    /// Reports a folder that can't be used, and an invalid public address.
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

    /// Names the file that the video is copied to.
    public func plan(_ input: PreparedVideo, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let path = folder.path(name: input.stem, ending: "mp4")
        return StagePlan(
            action: "copy to \(options.directory)/\((path as NSString).lastPathComponent)",
            details: ["path": .string(path)], output: published(input, path))
    }

    /// Copies the video, and sets its public address if `publicURL` is set.
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
        else { return "is not a web address" }
        // A sandbox on this machine downloads without TLS; TikTok does not.
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
