package import Jobs
import Logging
import PipelineKit

extension CronScheduler {
    /// A scheduler whose entries are loaded and checked like any other run.
    /// - Parameter report: Prints what was queued, and findings about footage.
    package init(
        _ file: CronFile, submitter: JobSubmitter, settings: Settings, report: @escaping @Sendable (String) -> Void
    ) {
        self.init(
            file: file, submitter: submitter, logger: Log.make("cron", settings: settings),
            prepare: { (entry) async throws(StageError) in
                let prepared: PreparedRun
                do {
                    let selection = try Self.selection(of: entry)
                    prepared = try await Workspace.with(settings, for: selection) {
                        await PreparedRun.load(selection, in: $0)
                    }
                } catch {
                    throw error as? StageError
                        ?? StageError(.internalFault, "the stages can't be loaded: \(error)")
                }
                guard let pipeline = prepared.pipeline else {
                    let words = prepared.findings.map(\.text).joined(separator: "; ")
                    throw StageError(.invalidOption, "entry \"\(entry.name)\" can't be queued: \(words)")
                }
                if let refusal = prepared.secretRefusal(keeper: "job") { throw refusal }
                for finding in prepared.findings where finding.subject == .footage { report(finding.text) }
                return Footage(pipeline: pipeline, assets: prepared.assets)
            }, report: report)
    }

    /// The footage of an entry with its overrides, which the entry keeps as words of a command line.
    private static func selection(of entry: CronFile.Entry) throws -> PipelineSelection {
        func values(_ flag: String) -> [String] {
            zip(entry.options, entry.options.dropFirst()).filter { $0.0 == flag }.map(\.1)
        }
        return try PipelineSelection(
            file: entry.pipeline, inputs: entry.inputs, set: values("--set"), post: values("--post"))
    }
}
