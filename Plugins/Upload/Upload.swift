import Foundation
public import PipelineKit
import Posting
import TikTok

/// Creates the post at TikTok and sends the bytes. TikTok publishes once the last byte arrives, so all checks come
/// first.
public struct Upload: Stage {
    public static let name: StageName = "upload"
    public static let summary = "Creates the post at TikTok and uploads the prepared file."
    /// A second request would create a second post, so only the ledger decides whether to repeat it.
    public static let effect: Effect = .irreversible
    public static let resource: Resource = .network

    public struct Options: StageOptions {
        @StageOption(
            "Maximum upload rate, to leave room on a shared connection; unlimited by default.",
            range: BitRate(100_000)...BitRate(100_000_000_000))
        public var bandwidth: BitRate? = nil
        @StageOption(
            "Where TikTok gets the video from: `file` uploads it, `pull` lets TikTok fetch it from the video's `publicURL` (see `export`), `auto` pulls if there is one."
        )
        public var source = Origin.auto

        public init() {}
    }

    /// Where TikTok gets the video from.
    public enum Origin: String, OptionValue, CaseIterable {
        /// From the video's public URL if it has one, otherwise by upload from this machine.
        case auto
        /// By upload from this machine.
        case file
        /// From the video's public URL.
        case pull
    }

    private let options: Options

    public init(options: Options) throws(StageError) { self.options = options }

    /// Reports a missing credential, an invalid configuration, and post settings that TikTok would reject.
    public func check(_ context: CheckContext) -> [Diagnostic] {
        var findings = PostRules.findings(context.post)
        do throws(StageError) {
            let configuration = try TikTokConfiguration(settings: context.settings)
            if let problem = PostRules.modeProblem(configuration.dialect, context.post.mode) {
                findings.append(
                    Diagnostic(code: "no-drafts", problem.message, hint: problem.hint, pointer: "/post/mode"))
            }
            if options.source == .pull, configuration.dialect == .multipart {
                let problem = Self.noPull
                findings.append(
                    Diagnostic(code: "no-pull", problem.message, hint: problem.hint, pointer: "/source"))
            }
        } catch {
            findings.append(
                Diagnostic(code: error.code.rawValue, error.message, hint: error.hint, subject: .configuration))
        }
        if let problem = context.credentials.problem(with: context.account) { findings.append(problem) }
        return findings
    }

    /// Describes the upload and the settings of the post.
    public func plan(_ input: ChunkedVideo, _ context: PlanContext) async throws(StageError) -> StagePlan {
        if let problem = PostRules.problem(context.post) { throw problem }
        let configuration = try TikTokConfiguration(settings: context.settings)
        try checkDialect(input, context.post, configuration)
        let post = context.post
        let size = ByteCount(input.video.file.bytes)
        var reasons: [String] = []
        var details: [String: JSONValue] = [
            "mode": .string(post.mode.rawValue), "bytes": .integer(input.video.file.bytes),
            "chunkCount": .integer(Int64(input.chunkCount)), "api": .string(configuration.apiBaseURL),
            "dialect": .string(configuration.dialect.rawValue),
        ]
        switch post.mode {
        case .direct:
            details["title"] = .string(post.title)
            details["privacyLevel"] = .string(post.privacyLevel.rawValue)
            reasons.append("posted as \(post.privacyLevel.rawValue) with the title \"\(post.title)\"")
            let off = [
                post.disableComment ? "comments" : nil, post.disableDuet ? "duets" : nil,
                post.disableStitch ? "stitches" : nil,
            ].compactMap { $0 }
            if !off.isEmpty { reasons.append("\(off.joined(separator: ", ")) off") }
            if post.brandContent { reasons.append("labelled as a paid partnership") }
            if post.brandOrganic { reasons.append("labelled as promotional content") }
            if post.aigc { reasons.append("labelled as AI-generated") }
        case .inbox:
            reasons.append("a draft in the creator's inbox, to be finished in the TikTok app")
        }
        let service = configuration.isLoopback ? "the sandbox at \(configuration.apiBaseURL)" : "TikTok"
        var action = "send \(size) to \(service)"
        func count(_ word: String) -> String { input.chunkCount == 1 ? "1 \(word)" : "\(input.chunkCount) \(word)s" }
        switch try Self.route(options.source, configuration.dialect, input.video) {
        case .chunks: reasons.append("\(count("chunk")), one after another")
        case .parts: reasons.append("\(count("part")), then a call that publishes them")
        case .pull(let url):
            if let problem = PullAddress.refusal(url, allowsLoopback: configuration.isLoopback) { throw problem }
            action = "let \(service) fetch \(size)"
            reasons.append("fetched from \(PullAddress.shown(url))")
            details["videoURL"] = .string(PullAddress.shown(url))
        }
        if let schedule = post.schedule {
            details["schedule"] = schedule.optionJSON
            reasons.append(Self.words(of: schedule))
        }
        if post.mode == .direct { reasons.append(PostRules.consent(post)) }
        return StagePlan(
            action: action,
            reasons: reasons, details: details,
            output: UploadedVideo(
                publishID: "", postID: "", mode: post.mode, username: nil,
                title: post.mode == .direct ? post.title : nil,
                privacyLevel: post.mode == .direct ? post.privacyLevel.rawValue : nil,
                bytes: input.video.file.bytes))
    }

    /// Continues the post from its state in the ledger until TikTok has all bytes.
    public func run(_ input: ChunkedVideo, _ context: StageContext) async throws(StageError) -> UploadedVideo {
        let configuration = try TikTokConfiguration(settings: context.settings)
        if let problem = PostRules.problem(context.post) { throw problem }
        try checkDialect(input, context.post, configuration)
        let bandwidth = options.bandwidth.map { Double($0.bitsPerSecond) / 8 }
        return try await HTTPTransport.with(configuration) { (transport) throws(StageError) in
            try await UploadWorkflow(
                input: input, context: context, configuration: configuration, transport: transport,
                bytesPerSecond: bandwidth, origin: options.source
            ).run()
        }
    }

    private static func words(of schedule: PostTime) -> String {
        switch schedule {
        case .at(let date):
            let moment = date.formatted(.iso8601)
            return date > Date() ? "held back until \(moment)" : "not held back: \(moment) has passed"
        case .after(let delay): return "held back for \(delay.spoken) after the run began"
        }
    }

    private func checkDialect(
        _ input: ChunkedVideo, _ post: PostSettings, _ configuration: TikTokConfiguration
    ) throws(StageError) {
        if let problem = PostRules.problem(
            configuration.dialect, mode: post.mode, bytes: input.video.file.bytes, duration: input.video.duration)
        {
            throw problem
        }
    }

    private static let noPull = StageError(
        .invalidOption, "the multipart dialect does not support pulling",
        hint: "set \"source\" to file, or unset \(TikTokConfiguration.dialectSetting)")

    /// Chooses the route from the `source` option, the dialect and the video's public URL.
    static func route(
        _ origin: Origin, _ dialect: Dialect, _ video: PreparedVideo
    ) throws(StageError) -> Route {
        switch (origin, dialect, video.publicURL) {
        case (.pull, .multipart, _): throw noPull
        case (_, .multipart, _): return .parts
        case (.file, .v2, _), (.auto, .v2, nil): return .chunks
        case (.auto, .v2, let url?), (.pull, .v2, let url?): return .pull(url)
        case (.pull, .v2, nil):
            throw StageError(
                .invalidOption, "the video has no public URL that TikTok could fetch it from",
                hint: "put `export` with \"publicURL\" before `chunk`, or set \"source\" to file")
        }
    }
}
