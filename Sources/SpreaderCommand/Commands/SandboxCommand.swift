import ArgumentParser
import Foundation
import SpreaderApp
import TikTokSandbox

struct SandboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandbox",
        abstract: "Serve a local sandbox of the TikTok API until stopped.",
        discussion: """
            Open the printed address in a browser to view the posts. DIR/sandbox.env has the settings for clients. \
            Without --data, serves the posts of `run --sandbox`.
            """)

    @Option(help: "Port on 127.0.0.1; a free port if omitted.")
    var port: Int?

    @Option(help: ArgumentHelp("Store the sandbox data in this folder.", valueName: "dir"))
    var data: String?

    @Option(help: ArgumentHelp("Read faults to inject from this JSON file.", valueName: "file"))
    var faults: String?

    func validate() throws {
        if let port, !(0...65535).contains(port) { throw ValidationError("--port takes a number between 0 and 65535") }
    }

    func run() async throws {
        let settings = try await Settings.load()
        let directory = data.map { URL(filePath: $0).standardizedFileURL } ?? settings.home.appending(path: "sandbox")
        let logger = Log.sandbox(settings)
        let server: SandboxServer
        do throws(SandboxError) {
            server = try SandboxServer(
                configuration: SandboxConfiguration(
                    dataDirectory: directory, port: port == 0 ? nil : port,
                    faultsFile: faults.map { URL(filePath: $0) }, logger: logger))
        } catch {
            Output.message("error: \(error.message)" + (error.hint.map { " (\($0))" } ?? ""))
            throw ExitCode(78)
        }
        do {
            try await SignalHandler.cancelling { () async throws in
                try await server.run { Output.result("listening on \($0.baseURL)") }
            }
        } catch let error as SandboxError {
            Output.message("error: \(error.message)" + (error.hint.map { " (\($0))" } ?? ""))
            throw ExitCode(78)
        } catch is CancellationError {
            return
        }
    }
}
