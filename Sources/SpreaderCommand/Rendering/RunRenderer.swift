import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting

/// Shows a run to whoever started it.
protocol RunRenderer: Sendable {
    /// Takes one event; may be called from several tasks.
    func show(_ event: RunEvent)
}

/// `--format json`: one JSON object a line on standard output, nothing else.
struct JSONRenderer: RunRenderer {
    let runID: String

    func show(_ event: RunEvent) {
        guard let line = try? event.json(run: runID, time: Date()).text() else { return }
        Output.result(line)
    }
}
