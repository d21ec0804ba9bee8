import Foundation
import PipelineKit
import Synchronization

/// The built program, started as a user would start it.
final class Program: Sendable {
    /// What a finished process left.
    struct Outcome: Sendable {
        var status: Int32
        var output: String
        var messages: String

        /// The lines of `--format json`.
        func events() throws -> [JSONValue] {
            try output.split(separator: "\n").map { try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8)) }
        }
    }

    private let process = Process()
    private let output: URL
    private let messages: URL
    private let exited: AsyncStream<Int32>

    /// Where the package stands: tests need its pipelines.
    static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The program beside the test bundle.
    static let path: String = {
        let folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        return folder.appending(path: "spreader-pipeline").path
    }()

    /// Starts the program.
    init(
        _ arguments: [String], in place: Place, environment: [String: String] = [:], input: String? = nil,
        executable: String = Program.path
    ) throws {
        let id = UUID().uuidString
        output = place.folder.appending(path: "out-\(id)")
        messages = place.folder.appending(path: "err-\(id)")
        for file in [output, messages] { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
        process.executableURL = URL(filePath: executable)
        process.arguments = arguments
        process.currentDirectoryURL = place.work
        process.environment = [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "", "HOME": place.folder.path,
            "SPREADER_HOME": place.home.path,
        ].merging(environment) { $1 }
        if let input {
            let file = place.folder.appending(path: "in-\(id)")
            try Data(input.utf8).write(to: file)
            process.standardInput = try FileHandle(forReadingFrom: file)
        } else {
            process.standardInput = FileHandle.nullDevice
        }
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: messages)
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        exited = stream
        process.terminationHandler = { process in
            continuation.yield(
                process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus)
            continuation.finish()
        }
        try process.run()
    }

    /// The process's id.
    var identifier: Int32 { process.processIdentifier }

    /// Whether the process has taken a signal over from the system, which would end it.
    func handles(_ number: Int32) -> Bool {
        guard let file = FileHandle(forReadingAtPath: "/proc/\(identifier)/status"),
            let text = try? file.readToEnd().map({ String(decoding: $0, as: UTF8.self) })
        else { return false }
        let masks = text.split(separator: "\n").filter { $0.hasPrefix("SigIgn:") || $0.hasPrefix("SigCgt:") }
            .compactMap { UInt64($0.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16) }
        return masks.contains { $0 & 1 << UInt64(number - 1) != 0 }
    }

    /// Sends a signal.
    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Standard error so far.
    var messagesSoFar: String { (try? String(contentsOf: messages, encoding: .utf8)) ?? "" }

    /// Standard output so far.
    var outputSoFar: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }

    /// Waits for its end. A negative status is the signal that killed it.
    func end() async throws -> Outcome {
        var status: Int32 = -1
        for await value in exited { status = value }
        return Outcome(
            status: status, output: outputSoFar, messages: try String(contentsOf: messages, encoding: .utf8))
    }

    /// Runs the program to its end.
    static func run(
        _ arguments: [String], in place: Place, environment: [String: String] = [:], input: String? = nil
    ) async throws -> Outcome {
        try await Program(arguments, in: place, environment: environment, input: input).end()
    }
}

/// A folder of its own for one test: home, work folder, clips.
final class Place: Sendable {
    let folder: URL
    let home: URL
    let work: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "e2e-\(UUID().uuidString)")
        home = folder.appending(path: "home")
        work = folder.appending(path: "work")
        try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// A pipeline of the package.
    func pipeline(_ name: String) -> String { Program.package.appending(path: "pipelines/\(name).json").path }

    /// Writes a file into the work folder.
    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: work.appending(path: name))
    }

    /// Makes footage with FFmpeg's command, which is not what prepares it.
    func clip(
        _ name: String, seconds: Double = 1, filter: String = "testsrc2=s=640x360:r=30", effect: String = "",
        codec: [String] = []
    )
        async throws
    {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            [
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "\(filter):d=\(seconds)\(effect)", "-f", "lavfi",
                "-i",
                "sine=f=440:d=\(seconds)", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
            ] + codec + ["-shortest", work.appending(path: name).path]
        process.standardInput = FileHandle.nullDevice
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { process in
            continuation.yield(process.terminationStatus)
            continuation.finish()
        }
        try process.run()
        for await status in stream where status != 0 {
            throw StageError(.internalFault, "ffmpeg could not make \(name)")
        }
    }

    /// Every byte below the home folder, for looking after secrets.
    func homeBytes() -> Data {
        var data = Data()
        let files = FileManager.default.enumerator(at: home, includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL { data += (try? Data(contentsOf: file)) ?? Data() }
        return data
    }
}
