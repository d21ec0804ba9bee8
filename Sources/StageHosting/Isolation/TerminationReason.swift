import Glibc
package import PipelineKit

/// Why a child process ended.
package enum TerminationReason: Sendable, Hashable {
    /// It exited with this status.
    case exited(Int32)
    /// A signal that the host did not send.
    case signalled(Int32)
    /// Killed by the host: it exceeded its memory limit.
    case overMemory(limit: ByteCount)
    /// Killed by the host: a request exceeded the limit of processor time.
    case overProcessor(limit: Duration)
    /// Killed by the host: a request exceeded the limit of wall time.
    case overTime(limit: Duration)
    /// Killed by the host: it sent no message for this long.
    case stalled(Duration)
    /// Killed by the host: it did not stop when asked to.
    case stopped
    /// Killed by the host: it violated the protocol.
    case brokeProtocol(String)
    /// It could not be started, or ended before it answered the greeting.
    case neverReady(String)
    /// It speaks another version of the protocol.
    case foreignProtocol(name: String, release: String, version: Int, ours: Int)

    /// Whether a new process might succeed with the same work, because earlier work may have corrupted this one.
    var mayBeInherited: Bool {
        switch self {
        case .exited, .signalled, .overMemory, .brokeProtocol: true
        case .stalled, .stopped, .neverReady, .foreignProtocol, .overProcessor, .overTime: false
        }
    }

    /// The error of the asset that the child was working on.
    /// - Parameters:
    ///   - plugin: The plugin's name; nil for built-in stages.
    ///   - readsFootage: Whether the stage decodes footage, which is then to blame.
    ///   - lastErrors: The child's last lines on standard error.
    package func error(
        asset: String, stage: StageName, plugin: String? = nil, readsFootage: Bool = true, lastErrors: String? = nil
    ) -> StageError {
        if let plugin { return pluginError(plugin, lastErrors: lastErrors, context: "on \(asset) in stage \(stage)") }
        switch self {
        case .signalled(let number) where !readsFootage:
            return StageError(
                .internalFault, "the process of stage \(stage) crashed (\(Self.name(ofSignal: number))) on \(asset)",
                hint: "run the same command again; if it crashes again, report it")
        case .exited(let status) where !readsFootage:
            return StageError(
                .internalFault, "the process of stage \(stage) exited on \(asset) (exit status \(status))",
                hint: "run the same command again; if it exits again, report it")
        default: return footageError(asset: asset, stage: stage)
        }
    }

    /// The error for a plugin that ended while it worked.
    /// - Parameter context: The asset and the stage: `on ASSET in stage STAGE`.
    private func pluginError(_ plugin: String, lastErrors: String?, context: String) -> StageError {
        func failed(_ event: String, hint: String) -> StageError {
            let lastError = lastErrors?.split(separator: "\n").last.map { ": \($0)" } ?? ""
            return StageError(
                .plugin, "plugin \(plugin) \(event) \(context)\(lastError)", hint: hint, cause: lastErrors)
        }
        let report = "report it to the plugin's author; `plugins check` shows whether it follows the protocol"
        switch self {
        case .signalled(let number) where [SIGKILL, SIGTERM, SIGHUP].contains(number):
            return failed(
                "was killed (\(Self.name(ofSignal: number)))",
                hint: "the system may have run out of memory: free some and run the same command again")
        case .signalled(let number): return failed("crashed (\(Self.name(ofSignal: number)))", hint: report)
        case .exited(let status): return failed("exited with status \(status)", hint: report)
        case .overMemory(let limit):
            return failed(
                "was stopped because it used more than \(limit) of memory",
                hint: "raise \"memory\" in the limits of its plugin.json and SPREADER_STAGE_MEMORY, or \(report)")
        case .overProcessor(let limit):
            return failed(
                "was stopped because it used more than \(limit.spoken) of processor time",
                hint: "raise \"processor\" in the limits of its plugin.json, or \(report)")
        case .overTime(let limit):
            return failed(
                "was stopped because it took longer than \(limit.spoken)",
                hint: "raise \"time\" in the limits of its plugin.json, or \(report)")
        case .stalled(let duration):
            return failed(
                "was stopped because it sent no message for \(duration.spoken)",
                hint: "report progress during long work; raise SPREADER_STAGE_STALL on slow machines, or \(report)")
        case .stopped: return .cancelled
        case .brokeProtocol(let problem): return failed("broke the protocol: \(problem)", hint: report)
        case .neverReady, .foreignProtocol: return startError(plugin: plugin, lastErrors: lastErrors)
        }
    }

    /// The error for a plugin that can't be started.
    package func startError(plugin: String, lastErrors: String?) -> StageError {
        switch self {
        case .foreignProtocol(let name, let release, let version, let ours):
            let name = (name.isEmpty ? plugin : name) + (release.isEmpty ? "" : " \(release)")
            return StageError(
                .configuration,
                "plugin \(name) speaks protocol \(version), this spreader-pipeline speaks protocol \(ours)",
                hint: version > ours ? "upgrade spreader-pipeline" : "upgrade the plugin")
        default:
            let problem =
                switch self {
                case .neverReady(let text): text
                case .exited(let status): "it exits immediately with status \(status)"
                default: "\(self)"
                }
            let lastError = lastErrors?.split(separator: "\n").last.map { " (\($0))" } ?? ""
            return StageError(
                .configuration, "plugin \(plugin) can't be started: \(problem)\(lastError)",
                hint: "try: spreader-pipeline plugins check \(plugin)", cause: lastErrors)
        }
    }

    /// The error for a child of this program that decodes footage.
    private func footageError(asset: String, stage: StageName) -> StageError {
        let hint = "the file is damaged or malicious: leave it out, or convert it with another program first"
        switch self {
        case .signalled(let number) where [SIGKILL, SIGTERM, SIGHUP].contains(number):
            return StageError(
                .unusableFootage,
                "\(asset) failed: the process of stage \(stage) was killed "
                    + "(\(Self.name(ofSignal: number)))",
                hint: "the system may have run out of memory: free some and run the same command again")
        case .signalled(let number):
            return StageError(
                .unusableFootage, "\(asset) crashed the decoder (\(Self.name(ofSignal: number))) in stage \(stage)",
                hint: hint)
        case .exited(let status):
            return StageError(
                .unusableFootage, "\(asset) ended the process of stage \(stage) (exit status \(status))", hint: hint)
        case .overMemory(let limit):
            return StageError(
                .unusableFootage, "\(asset) needs more than \(limit) of memory in stage \(stage)",
                hint: "if the footage is valid, raise SPREADER_STAGE_MEMORY; otherwise leave it out")
        case .overProcessor(let limit), .overTime(let limit):
            return StageError(
                .unusableFootage, "\(asset) exceeded the limit of \(limit.spoken) in stage \(stage)",
                hint: "leave it out, or convert it with another program first")
        case .stalled(let duration):
            return StageError(
                .unusableFootage, "\(asset) made no progress for \(duration.spoken) in stage \(stage)",
                hint: "if the footage is valid and the machine slow, raise SPREADER_STAGE_STALL; otherwise leave it "
                    + "out")
        case .stopped:
            return .cancelled
        case .brokeProtocol(let problem):
            return StageError(
                .internalFault, "the process of stage \(stage) broke the protocol: \(problem)",
                hint: "report it, and attach \(asset)")
        case .foreignProtocol(_, _, let version, let ours):
            return StageError(
                .internalFault, "the process of stage \(stage) speaks protocol \(version), not \(ours)",
                hint: "the program was replaced while it ran: run the same command again")
        case .neverReady(let problem):
            return StageError(
                .configuration, "the process of stage \(stage) can't be started: \(problem)",
                hint: "run `spreader-pipeline doctor`, or set SPREADER_ISOLATION=none to run stages in this process")
        }
    }

    /// The name of a signal, such as `SIGSEGV`.
    static func name(ofSignal number: Int32) -> String {
        let names = [
            SIGSEGV: "SIGSEGV", SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGILL: "SIGILL",
            SIGTRAP: "SIGTRAP", SIGKILL: "SIGKILL", SIGTERM: "SIGTERM", SIGHUP: "SIGHUP", SIGSYS: "SIGSYS",
            SIGXCPU: "SIGXCPU", SIGPIPE: "SIGPIPE",
        ]
        return names[number] ?? "signal \(number)"
    }
}
