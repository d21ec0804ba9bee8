package import Foundation
package import PipelineFile
package import PipelineKit

/// The totals of a finished run.
package struct RunSummary: Sendable, Hashable {
    /// The exit status of the program.
    package var status: Int
    /// The number of assets.
    package var assets: Int
    /// The number of posts that the service confirmed during this run.
    package var posts: Int
    /// Wall time in seconds.
    package var seconds: Double

    package init(status: Int, assets: Int, posts: Int, seconds: Double) {
        self.status = status
        self.assets = assets
        self.posts = posts
        self.seconds = seconds
    }
}

/// The final result of an asset.
package enum AssetOutcome: Sendable, Hashable {
    /// All stages are done.
    case finished
    /// Nothing was sent, because the asset was already posted or another asset has the same content.
    case skipped(reason: String)
    /// A stage failed and will not be retried.
    case failed(StageError)

    /// The value of `outcome` in events.
    package var word: String {
        switch self {
        case .finished: "finished"
        case .skipped: "skipped"
        case .failed: "failed"
        }
    }
}

/// An event of a run. `docs/events.md` documents the JSON form.
package enum RunEvent: Sendable {
    /// The run starts, or resumes after an earlier process stopped.
    case runStarted(pipeline: String, assets: Int, resumed: Bool)
    /// A finding, usually from the checks before any work.
    case diagnostic(Diagnostic)
    /// Work on an asset starts at this stage.
    case assetStarted(asset: String, stage: String)
    /// An attempt of a stage starts.
    case stageStarted(asset: String, stage: String)
    /// Progress within a stage.
    case stageProgress(asset: String, stage: String, StageProgress)
    /// An earlier output of the stage is reused.
    case stageReused(asset: String, stage: String, reason: String, artifact: [String: JSONValue])
    /// A stage succeeded after `seconds`.
    case stageFinished(asset: String, stage: String, seconds: Double, artifact: [String: JSONValue])
    /// An attempt failed with `error`; the next one starts after `delay`.
    case stageRetrying(asset: String, stage: String, attempt: Int, delay: Duration, error: StageError)
    /// A stage failed and will not be retried within the run.
    /// - Parameter backoff: The pipeline's own retry policy for the stage, which a job applies when it retries the run.
    case stageFailed(asset: String, stage: String, StageError, backoff: RetryPolicy? = nil)
    /// A stage needs worker labels that this worker does not offer.
    case stageDeferred(asset: String, stage: String, labels: [String])
    /// The service confirmed a post.
    case postPublished(asset: String, PublishedPost)
    /// The asset needs no more work in this run; `stage` is the last one that it reached.
    case assetFinished(asset: String, stage: String, AssetOutcome)
    /// The run ended. Always the last event.
    case runFinished(RunSummary)

    /// The value of `event` in the JSON form.
    package var name: String {
        switch self {
        case .runStarted: "run.started"
        case .diagnostic: "diagnostic"
        case .assetStarted: "asset.started"
        case .stageStarted: "stage.started"
        case .stageProgress: "stage.progress"
        case .stageReused: "stage.reused"
        case .stageFinished: "stage.finished"
        case .stageRetrying: "stage.retrying"
        case .stageFailed: "stage.failed"
        case .stageDeferred: "stage.deferred"
        case .postPublished: "post.published"
        case .assetFinished: "asset.finished"
        case .runFinished: "run.finished"
        }
    }

    /// The event as one JSON object.
    /// - Parameters:
    ///   - run: The run id.
    ///   - time: The time of the event.
    package func json(run: String, time: Date) -> JSONValue {
        var fields = fields
        fields["event"] = .string(name)
        fields["run"] = .string(run)
        fields["time"] = .string(time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        return .object(fields)
    }

    private var fields: [String: JSONValue] {
        switch self {
        case .runStarted(let pipeline, let assets, let resumed):
            return ["pipeline": .string(pipeline), "assets": .integer(Int64(assets)), "resumed": .bool(resumed)]
        case .diagnostic(let finding):
            return (try? JSONValue(encoding: finding)).flatMap(Self.members) ?? [:]
        case .assetStarted(let asset, let stage), .stageStarted(let asset, let stage):
            return ["asset": .string(asset), "stage": .string(stage)]
        case .stageProgress(let asset, let stage, let progress):
            var fields: [String: JSONValue] = [
                "asset": .string(asset), "stage": .string(stage), "fraction": .number(rounded(progress.fraction, 4)),
            ]
            if let speed = progress.speed { fields["speed"] = .number(rounded(speed, 2)) }
            if let rate = progress.framesPerSecond { fields["framesPerSecond"] = .number(rounded(rate, 1)) }
            if let rate = progress.bytesPerSecond { fields["bytesPerSecond"] = .number(rounded(rate, 0)) }
            return fields
        case .stageReused(let asset, let stage, let reason, let artifact):
            return [
                "asset": .string(asset), "stage": .string(stage), "reason": .string(reason),
                "artifact": .object(artifact),
            ]
        case .stageFinished(let asset, let stage, let seconds, let artifact):
            // Repeat the artifact's fields at the top level, where line-based filters find them.
            return artifact.merging(
                [
                    "asset": .string(asset), "stage": .string(stage), "seconds": .number(rounded(seconds, 3)),
                    "artifact": .object(artifact),
                ], uniquingKeysWith: { $1 })
        case .stageRetrying(let asset, let stage, let attempt, let delay, let error):
            return [
                "asset": .string(asset), "stage": .string(stage), "attempt": .integer(Int64(attempt)),
                "delay": .number(rounded(delay.inSeconds, 3)), "error": .string(error.description),
                "code": .string(error.code.rawValue),
            ]
        case .stageDeferred(let asset, let stage, let labels):
            return [
                "asset": .string(asset), "stage": .string(stage), "labels": .array(labels.map(JSONValue.string)),
            ]
        case .stageFailed(let asset, let stage, let error, let backoff):
            var fields: [String: JSONValue] = [
                "asset": .string(asset), "stage": .string(stage), "code": .string(error.code.rawValue),
                "message": .string(error.message),
            ]
            if let hint = error.hint { fields["hint"] = .string(hint) }
            switch error.recovery {
            case .limited(let seconds?), .transient(let seconds?): fields["retryAfter"] = .number(seconds)
            default: break
            }
            if let backoff {
                fields["backoff"] = [
                    "delay": .number(backoff.delay.inSeconds), "maxDelay": .number(backoff.maximumDelay.inSeconds),
                ]
            }
            return fields
        case .postPublished(let asset, let post):
            return [
                "asset": .string(asset), "publishId": .string(post.publishID), "mode": .string(post.mode.rawValue),
                "postIds": .array(post.postIDs.map(JSONValue.integer)), "url": post.url.map(JSONValue.string) ?? .null,
            ]
        case .assetFinished(let asset, let stage, let outcome):
            var fields: [String: JSONValue] = [
                "asset": .string(asset), "stage": .string(stage), "outcome": .string(outcome.word),
            ]
            switch outcome {
            case .finished: break
            case .skipped(let reason): fields["reason"] = .string(reason)
            case .failed(let error):
                fields["code"] = .string(error.code.rawValue)
                fields["message"] = .string(error.description)
            }
            return fields
        case .runFinished(let summary):
            return [
                "status": .integer(Int64(summary.status)), "assets": .integer(Int64(summary.assets)),
                "posts": .integer(Int64(summary.posts)), "seconds": .number(rounded(summary.seconds, 3)),
            ]
        }
    }

    private static func members(_ value: JSONValue) -> [String: JSONValue]? {
        guard case .object(let members) = value else { return nil }
        return members
    }

    private func rounded(_ value: Double, _ digits: Int) -> Double {
        guard value.isFinite else { return 0 }
        let factor = (0..<digits).reduce(1.0) { factor, _ in factor * 10 }
        return (value * factor).rounded() / factor
    }
}
