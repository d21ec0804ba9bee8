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
    /// Ended by the host: it gave no sign of life for this long.
    case stalled(Duration)
    /// Ended by the host: it did not stop when it was asked to.
    case stopped
    /// Ended by the host: what it said is not the protocol.
    case brokeProtocol(String)
    /// It never began to work.
    case neverReady(String)

    /// Whether another process could fare better with the same work, because this one's memory was used before.
    var mayBeInherited: Bool {
        switch self {
        case .exited, .signalled, .overMemory, .brokeProtocol: true
        case .stalled, .stopped, .neverReady: false
        }
    }

    /// The error of the asset that was worked on.
    package func error(asset: String, stage: StageName) -> StageError {
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
