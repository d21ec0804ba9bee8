import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting

/// Prints the events of a run.
protocol RunRenderer: Sendable {
    /// Prints one event. May be called from several tasks at once.
    func show(_ event: RunEvent)
}

/// Prints one JSON object per line to standard output, for `--format json`.
struct JSONRenderer: RunRenderer {
    let runID: String

    func show(_ event: RunEvent) {
        guard let line = try? event.json(run: runID, time: Date()).text() else { return }
        Output.result(line)
    }
}
