import Foundation

/// The `ffmpeg` and `ffprobe` commands, which know nothing of our code: what they show is what deliveries are held to.
enum OracleTool {
    static let ffmpeg = "/usr/bin/ffmpeg"
    static let ffprobe = "/usr/bin/ffprobe"

    /// Whether both are installed.
    static var isInstalled: Bool {
        [ffmpeg, ffprobe].allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// What a command wrote.
    struct Output {
        let bytes: Data
        let log: String
    }

    /// What went wrong with a command.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Runs a command to its end. Its output goes through files beside `scratch`: pipes could fill up.
    static func run(_ tool: String, _ arguments: [String], scratch: String) throws -> Output {
        let (output, log) = (scratch + ".out", scratch + ".log")
        defer {
            try? FileManager.default.removeItem(atPath: output)
            try? FileManager.default.removeItem(atPath: log)
        }
        guard [output, log].allSatisfy({ FileManager.default.createFile(atPath: $0, contents: nil) }),
            let standardOutput = FileHandle(forWritingAtPath: output),
            let standardError = FileHandle(forWritingAtPath: log)
        else { throw Failure(description: "can't write beside \(scratch)") }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: tool)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = standardOutput
        process.standardError = standardError
        try process.run()
        process.waitUntilExit()
        return Output(
            bytes: try Data(contentsOf: URL(fileURLWithPath: output)),
            log: String(decoding: try Data(contentsOf: URL(fileURLWithPath: log)), as: UTF8.self))
    }
}
