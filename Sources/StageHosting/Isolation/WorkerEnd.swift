import Glibc
package import PipelineKit

/// How a child process came to its end.
package enum WorkerEnd: Sendable, Hashable {
    /// By itself, with this status.
    case exited(Int32)
    /// By a signal that the host did not send.
    case signalled(Int32)
    /// Ended by the host: it took more memory than it may.
    case overMemory(limit: ByteCount)
    /// Ended by the host: one request took more processor time than it may.
    case overProcessor(limit: Duration)
    /// Ended by the host: one request took longer than it may.
    case overTime(limit: Duration)
    /// Ended by the host: it gave no sign of life for this long.
    case stalled(Duration)
    /// Ended by the host: it did not stop when it was asked to.
    case stopped
    /// Ended by the host: what it said is not the protocol.
    case brokeProtocol(String)
    /// It never began to work.
    case neverReady(String)
    /// It speaks another version of the protocol.
    case foreignProtocol(name: String, release: String, version: Int, ours: Int)

    /// Whether another process could fare better with the same work, because this one's memory was used before.
    var mayBeInherited: Bool {
        switch self {
        case .exited, .signalled, .overMemory, .brokeProtocol: true
        case .stalled, .stopped, .neverReady, .foreignProtocol, .overProcessor, .overTime: false
        }
    }

    /// The error of the asset that was worked on.
    /// - Parameters:
    ///   - plugin: The plugin's name; nil for stages of the program itself.
    ///   - readsFootage: Whether the stage decodes what anyone may have made, and the footage is to blame.
    ///   - lastWords: What it wrote last on standard error.
    package func error(
        asset: String, stage: StageName, plugin: String? = nil, readsFootage: Bool = true, lastWords: String? = nil
    ) -> StageError {
        guard let plugin else {
            switch self {
            case .signalled(let number) where !readsFootage:
                return StageError(
                    .internalFault,
                    "the process of stage \(stage) crashed (\(Self.name(ofSignal: number))) at \(asset)",
                    hint: "run the same command again; if it crashes again, report it")
            case .exited(let status) where !readsFootage:
                return StageError(
                    .internalFault, "the process of stage \(stage) ended at \(asset) (exit status \(status))",
                    hint: "run the same command again; if it ends again, report it")
            default: return ownError(asset: asset, stage: stage)
            }
        }
        func failed(_ what: String, hint: String) -> StageError {
            let words = lastWords?.split(separator: "\n").last.map { ": \($0)" } ?? ""
            return StageError(
                .plugin, "plugin \(plugin) \(what) at \(asset) in stage \(stage)\(words)", hint: hint, cause: lastWords)
        }
        let report = "report it to the plugin's author; `plugins check` shows whether it keeps to the protocol"
        switch self {
        case .signalled(let number) where [SIGKILL, SIGTERM, SIGHUP].contains(number):
            return failed(
                "was killed (\(Self.name(ofSignal: number)))",
                hint: "the system may have run out of memory: free some and run the same command again")
        case .signalled(let number): return failed("crashed (\(Self.name(ofSignal: number)))", hint: report)
        case .exited(let status): return failed("exited with status \(status)", hint: report)
        case .overMemory(let limit):
            return failed(
                "was ended because it took more than \(limit) of memory",
                hint: "raise \"memory\" of its plugin.json's limits and SPREADER_STAGE_MEMORY, or \(report)")
        case .overProcessor(let limit):
            return failed(
                "was ended because it took more than \(limit.spoken) of processor time",
                hint: "raise \"processor\" of its plugin.json's limits, or \(report)")
        case .overTime(let limit):
            return failed(
                "was ended because it took longer than \(limit.spoken)",
                hint: "raise \"time\" of its plugin.json's limits, or \(report)")
        case .stalled(let duration):
            return failed(
                "was ended because it gave no sign for \(duration.spoken)",
                hint: "long work reports progress; raise SPREADER_STAGE_STALL for machines that are slow, or \(report)")
        case .stopped: return .cancelled
        case .brokeProtocol(let problem): return failed("broke the protocol: \(problem)", hint: report)
        case .neverReady, .foreignProtocol: return startError(plugin: plugin, lastWords: lastWords)
        }
    }

    /// The error of a plugin that can't be started.
    package func startError(plugin: String, lastWords: String?) -> StageError {
        switch self {
        case .foreignProtocol(let name, let release, let version, let ours):
            return Self.mismatch(plugin: name.isEmpty ? plugin : name, release, version, ours)
        default:
            let problem =
                switch self {
                case .neverReady(let text): text
                case .exited(let status): "it exits at once with status \(status)"
                default: "\(self)"
                }
            let words = lastWords?.split(separator: "\n").last.map { " (\($0))" } ?? ""
            return StageError(
                .configuration, "plugin \(plugin) can't be started: \(problem)\(words)",
                hint: "try: spreader-pipeline plugins check \(plugin)", cause: lastWords)
        }
    }

    private static func mismatch(plugin: String, _ release: String, _ version: Int, _ ours: Int) -> StageError {
        let newer = version > ours
        return StageError(
            .configuration,
            "plugin \(plugin)\(release.isEmpty ? "" : " \(release)") speaks protocol \(version), this "
                + "spreader-pipeline speaks protocol \(ours)",
            hint: newer ? "upgrade spreader-pipeline" : "upgrade the plugin")
    }

    private func ownError(asset: String, stage: StageName) -> StageError {
        let apart = "the file is damaged or made to do harm: leave it out, or convert it with another program first"
        switch self {
        case .signalled(let number) where [SIGKILL, SIGTERM, SIGHUP].contains(number):
            return StageError(
                .unusableFootage,
                "\(asset) could not be finished: the process of stage \(stage) was killed "
                    + "(\(Self.name(ofSignal: number)))",
                hint: "the system may have run out of memory: free some and run the same command again")
        case .signalled(let number):
            return StageError(
                .unusableFootage, "\(asset) crashed the decoder (\(Self.name(ofSignal: number))) in stage \(stage)",
                hint: apart)
        case .exited(let status):
            return StageError(
                .unusableFootage, "\(asset) ended the process of stage \(stage) (exit status \(status))", hint: apart)
        case .overMemory(let limit):
            return StageError(
                .unusableFootage, "\(asset) needs more than \(limit) of memory in stage \(stage)",
                hint: "when the footage is sound, raise SPREADER_STAGE_MEMORY; otherwise leave it out")
        case .overProcessor(let limit), .overTime(let limit):
            return StageError(
                .unusableFootage, "\(asset) took more than \(limit.spoken) in stage \(stage) and was given up",
                hint: "leave it out, or convert it with another program first")
        case .stalled(let duration):
            return StageError(
                .unusableFootage, "\(asset) got nowhere for \(duration.spoken) in stage \(stage) and was given up",
                hint: "when the footage is sound and the machine slow, raise SPREADER_STAGE_STALL; otherwise leave it "
                    + "out")
        case .stopped:
            return .cancelled
        case .brokeProtocol(let problem):
            return StageError(
                .internalFault, "the process of stage \(stage) answered with what is no message: \(problem)",
                hint: "report it, with \(asset)")
        case .foreignProtocol(_, _, let version, let ours):
            return StageError(
                .internalFault, "the process of stage \(stage) speaks protocol \(version), not \(ours)",
                hint: "the program was replaced while it ran: run the same command again")
        case .neverReady(let problem):
            return StageError(
                .configuration, "the process of stage \(stage) can't be started: \(problem)",
                hint: "see `spreader-pipeline doctor`, or set SPREADER_ISOLATION=none to work without it")
        }
    }

    /// The usual name of a signal.
    static func name(ofSignal number: Int32) -> String {
        let names = [
            SIGSEGV: "SIGSEGV", SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGILL: "SIGILL",
            SIGTRAP: "SIGTRAP", SIGKILL: "SIGKILL", SIGTERM: "SIGTERM", SIGHUP: "SIGHUP", SIGSYS: "SIGSYS",
            SIGXCPU: "SIGXCPU", SIGPIPE: "SIGPIPE",
        ]
        return names[number] ?? "signal \(number)"
    }
}
