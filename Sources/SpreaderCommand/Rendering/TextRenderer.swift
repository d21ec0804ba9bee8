import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting
import Synchronization

/// Prints a run for people: one line per finished step, and on a terminal a live line for each running asset.
final class TextRenderer: RunRenderer {
    private let terminal: Terminal
    private let state = Mutex(State())

    private struct Active {
        var stage: String
        var progress: StageProgress?
        var started: Date
    }

    private struct State {
        var active: [String: Active] = [:]
        var order: [String] = []
        var results: [String: AssetResult] = [:]
        var drawn = 0
        var lastDraw = Date.distantPast
        var runs = 0
    }

    init(terminal: Terminal) { self.terminal = terminal }

    func show(_ event: RunEvent) {
        state.withLock { state in
            let line = update(&state, event)
            guard terminal.isInteractive else {
                if let line { Output.message(line) }
                return
            }
            let now = Date()
            if line == nil, now.timeIntervalSince(state.lastDraw) < 0.1 { return }
            state.lastDraw = now
            var text = state.drawn > 0 ? "\u{1B}[\(state.drawn)A\u{1B}[J" : ""
            if let line { text += line + "\n" }
            let live = state.order.compactMap { name in state.active[name].map { liveLine(name, $0, now) } }
            for line in live { text += line + "\n" }
            state.drawn = live.count
            Output.write(text, to: 2)
        }
    }

    /// The results of all assets so far, for the table at the end.
    func results() -> [AssetResult] {
        state.withLock { state in state.order.compactMap { state.results[$0] } }
    }

    /// Updates the state. Returns the permanent line to print; nil if the event has none.
    private func update(_ state: inout State, _ event: RunEvent) -> String? {
        switch event {
        case .runStarted(let pipeline, let assets, let resumed):
            let count = assets == 1 ? "1 asset" : "\(assets) assets"
            return terminal.paint(
                "\(pipeline): \(count)\(resumed ? ", resuming an earlier run" : "")", .bold)
        case .diagnostic(let finding):
            return finding.text
        case .assetStarted(let asset, _):
            state.order.append(asset)
            state.results[asset] = AssetResult(asset: asset)
            return nil
        case .stageStarted(let asset, let stage):
            state.active[asset] = Active(stage: stage, progress: nil, started: Date())
            return nil
        case .stageProgress(let asset, _, let progress):
            state.active[asset]?.progress = progress
            return nil
        case .stageReused(let asset, let stage, let reason, let artifact):
            state.results[asset]?.take(artifact)
            return step("↺", .cyan, asset, stage, "reused: \(reason)")
        case .stageFinished(let asset, let stage, let seconds, let artifact):
            state.active[asset] = nil
            state.results[asset]?.take(artifact)
            return step("✓", .green, asset, stage, describe(artifact, seconds))
        case .stageRetrying(let asset, let stage, let attempt, let delay, let error):
            return step("…", .yellow, asset, stage, "attempt \(attempt) in \(delay.spoken): \(error.message)")
        case .stageFailed(let asset, let stage, let error, _):
            state.active[asset] = nil
            return step("✗", .red, asset, stage, error.description)
        // The failure that follows prints the same.
        case .stageDeferred: return nil
        case .postPublished(let asset, let post):
            state.results[asset]?.url = post.url ?? post.publishID
            let where_ = post.mode == .inbox ? "is in the creator's inbox" : "is posted"
            return step("▶", .green, asset, "post", "\(where_): \(post.url ?? post.publishID)")
        case .assetFinished(let asset, _, let outcome):
            state.active[asset] = nil
            state.results[asset]?.outcome = outcome
            guard case .skipped(let reason) = outcome else { return nil }
            return step("–", .cyan, asset, "skip", reason)
        case .runFinished:
            return nil
        }
    }

    private func step(_ mark: String, _ color: Terminal.Color, _ asset: String, _ stage: String, _ text: String)
        -> String
    {
        "\(terminal.paint(mark, color)) \(asset)  \(terminal.paint(stage, .bold))  \(text)"
    }

    private func describe(_ artifact: [String: JSONValue], _ seconds: Double) -> String {
        var parts: [String] = []
        if let strategy = artifact["strategy"]?.stringValue { parts.append(strategy) }
        if let width = artifact["width"]?.integerValue, let height = artifact["height"]?.integerValue {
            parts.append("\(width)×\(height)")
        }
        if let duration = artifact["duration"]?.doubleValue {
            parts.append(Duration.spoken(seconds: duration) + " long")
        }
        if let bytes = artifact["bytes"]?.integerValue { parts.append(ByteCount(bytes).description) }
        if let count = artifact["chunkCount"]?.integerValue { parts.append(count == 1 ? "1 chunk" : "\(count) chunks") }
        if case .array(let lengths)? = artifact["lengths"] {
            parts.append(lengths.count == 1 ? "1 part" : "\(lengths.count) parts")
        }
        if let path = artifact["exportedPath"]?.stringValue { parts.append("→ \(path)") }
        if case .array(let warnings)? = artifact["warnings"] {
            parts += warnings.compactMap(\.stringValue).map { "warning: \($0)" }
        }
        parts.append("in \(Duration.seconds(seconds).spoken)")
        return parts.joined(separator: ", ")
    }

    private func liveLine(_ asset: String, _ active: Active, _ now: Date) -> String {
        let frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
        let spin = frames[Int(now.timeIntervalSince1970 * 10) % frames.count]
        var text = "\(spin) \(asset)  \(active.stage)"
        if let progress = active.progress {
            let width = 20
            let filled = Int((min(1, max(0, progress.fraction)) * Double(width)).rounded())
            text += "  " + String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
            text += String(format: " %3.0f %%", progress.fraction * 100)
            if let speed = progress.speed { text += String(format: "  %.1f×", speed) }
            if let rate = progress.framesPerSecond { text += String(format: "  %.0f fps", rate) }
            if let rate = progress.bytesPerSecond { text += "  \(ByteCount(Int64(min(1e15, max(0, rate)))))/s" }
            let elapsed = now.timeIntervalSince(active.started)
            if progress.fraction > 0.02, progress.fraction < 1 {
                text += "  ETA \(Duration.spoken(seconds: elapsed / progress.fraction - elapsed))"
            }
        }
        return String(text.prefix(max(20, terminal.width - 1)))
    }
}

/// The result of one asset, for the table at the end.
struct AssetResult: Sendable {
    var asset: String
    var output: String?
    var strategy: String?
    var size: String?
    var duration: String?
    var url: String?
    var outcome: AssetOutcome = .finished

    init(asset: String) { self.asset = asset }

    /// Copies the values to show from an artifact's summary.
    mutating func take(_ summary: [String: JSONValue]) {
        if let path = summary["exportedPath"]?.stringValue { output = path }
        guard let name = summary["strategy"]?.stringValue else { return }
        strategy = name
        if let width = summary["width"]?.integerValue, let height = summary["height"]?.integerValue {
            let bytes = summary["bytes"]?.integerValue.map { ", \(ByteCount($0))" } ?? ""
            size = "\(width)×\(height)\(bytes)"
        }
        duration = summary["duration"]?.doubleValue.map { Duration.spoken(seconds: $0) }
    }

    /// One row: asset, strategy, size, duration, and the post, output or error.
    var row: [String] {
        let fate: String =
            switch outcome {
            case .finished: url ?? output ?? "done"
            case .skipped(let reason): reason
            case .failed(let error): "failed: \(error.code.rawValue)"
            }
        return [asset, "→", strategy ?? "-", size ?? "-", duration ?? "-", fate]
    }
}
