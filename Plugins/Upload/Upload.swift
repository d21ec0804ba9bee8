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
    public static let access: StageAccess = [.network, .posts]

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
                let problem = Route.noPull
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
        let post = context.post
        let configuration = try configuration(for: post, of: input, settings: context.settings)
        var plan = StagePlan(
            action: "", reasons: Self.reasons(for: post),
            details: [
                "mode": .string(post.mode.rawValue), "bytes": .integer(input.video.file.bytes),
                "chunkCount": .integer(Int64(input.chunkCount)), "api": .string(configuration.apiBaseURL),
                "dialect": .string(configuration.dialect.rawValue),
            ],
            output: UploadedVideo(
                publishID: "", postID: "", mode: post.mode, username: nil,
                title: post.mode == .direct ? post.title : nil,
                privacyLevel: post.mode == .direct ? post.privacyLevel.rawValue : nil,
                bytes: input.video.file.bytes))
        if post.mode == .direct {
            plan.details["title"] = .string(post.title)
            plan.details["privacyLevel"] = .string(post.privacyLevel.rawValue)
        }
        try describeTransfer(of: input, configuration: configuration, in: &plan)
        if let schedule = post.schedule {
            plan.details["schedule"] = schedule.optionJSON
            plan.reasons.append(Self.reason(for: schedule))
        }
        if post.mode == .direct { plan.reasons.append(PostRules.consent(post)) }
        return plan
    }

    /// Describes how the settings of the post appear at TikTok.
    private static func reasons(for post: PostSettings) -> [String] {
        guard post.mode == .direct else { return ["a draft in the creator's inbox, to be finished in the TikTok app"] }
        var reasons = ["posted as \(post.privacyLevel.rawValue) with the title \"\(post.title)\""]
        let off = [
            post.disableComment ? "comments" : nil, post.disableDuet ? "duets" : nil,
            post.disableStitch ? "stitches" : nil,
        ].compactMap { $0 }
        if !off.isEmpty { reasons.append("\(off.joined(separator: ", ")) off") }
        if post.brandContent { reasons.append("labelled as a paid partnership") }
        if post.brandOrganic { reasons.append("labelled as promotional content") }
        if post.aigc { reasons.append("labelled as AI-generated") }
        return reasons
    }

    private static func reason(for schedule: PostTime) -> String {
        switch schedule {
        case .at(let date):
            let time = date.formatted(.iso8601)
            return date > Date() ? "held back until \(time)" : "not held back: \(time) has passed"
        case .after(let delay): return "held back for \(delay.spoken) after the run began"
        }
    }

    /// Adds to `plan` how TikTok gets the bytes.
    private func describeTransfer(
        of input: ChunkedVideo, configuration: TikTokConfiguration, in plan: inout StagePlan
    ) throws(StageError) {
        let size = ByteCount(input.video.file.bytes)
        let service = configuration.isLoopback ? "the sandbox at \(configuration.apiBaseURL)" : "TikTok"
        let plural = input.chunkCount == 1 ? "" : "s"
        plan.action = "send \(size) to \(service)"
        switch try Route(of: input.video, origin: options.source, dialect: configuration.dialect) {
        case .chunks: plan.reasons.append("\(input.chunkCount) chunk\(plural), one after another")
        case .parts: plan.reasons.append("\(input.chunkCount) part\(plural), then a call that publishes them")
        case .pull(let url):
            if let problem = PullAddress.refusal(url, allowsLoopback: configuration.isLoopback) { throw problem }
            plan.action = "let \(service) fetch \(size)"
            plan.reasons.append("fetched from \(PullAddress.shown(url))")
            plan.details["videoURL"] = .string(PullAddress.shown(url))
        }
    }

    /// Continues the post from its state in the ledger until TikTok has all bytes.
    public func run(_ input: ChunkedVideo, _ context: StageContext) async throws(StageError) -> UploadedVideo {
        let configuration = try configuration(for: context.post, of: input, settings: context.settings)
        let bandwidth = options.bandwidth.map { Double($0.bitsPerSecond) / 8 }
        return try await HTTPTransport.with(configuration) { (transport) throws(StageError) in
            try await UploadWorkflow(
                input: input, context: context, configuration: configuration, transport: transport,
                bytesPerSecond: bandwidth, origin: options.source
            ).run()
        }
    }

    /// Reads the configuration, and checks that it and TikTok allow the post.
    private func configuration(
        for post: PostSettings, of input: ChunkedVideo, settings: [String: String]
    ) throws(StageError) -> TikTokConfiguration {
        if let problem = PostRules.problem(post) { throw problem }
        let configuration = try TikTokConfiguration(settings: settings)
        if let problem = PostRules.problem(
            configuration.dialect, mode: post.mode, bytes: input.video.file.bytes, duration: input.video.duration)
        {
            throw problem
        }
        return configuration
    }
}
