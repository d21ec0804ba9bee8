import ArgumentParser
import Foundation
import PipelineKit
import Server
import SpreaderApp
import Synchronization
import TikTok

extension Auth {
    struct Login: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Connect a TikTok account through the browser.",
            discussion: """
                Opens TikTok's consent page and waits for the redirect back to this machine. The app in TikTok's \
                developer portal needs the desktop redirect URI http://127.0.0.1:*/callback/, or the one in \
                TIKTOK_REDIRECT_URI. On a machine without a browser, use --paste.

                Examples:
                  spreader-pipeline auth login
                  spreader-pipeline auth login --account brand
                  spreader-pipeline auth login --paste
                """)

        @OptionGroup var account: Account

        @Option(help: "Port of the redirect URI; a free port if omitted.")
        var port: Int?

        @Flag(name: .customLong("no-browser"), help: "Print the address instead of opening the browser.")
        var printsOnly = false

        @Flag(help: "Read the redirect address from standard input.")
        var paste = false

        @Option(help: "Time to wait for the browser.")
        var timeout = Duration.seconds(600)

        func validate() throws {
            guard timeout >= .seconds(1) else { throw ValidationError("--timeout takes a duration of 1s or more") }
            if let port, !(1...65_535).contains(port) { throw ValidationError("--port takes 1 to 65535") }
        }

        func run() async throws {
            let desk = try await account.desk()
            let lines = try await SignalHandler.cancelling { () async throws(StageError) in
                paste ? try await pasted(desk) : try await visited(desk)
            }
            for line in lines { Output.result(line) }
        }

        /// Waits for the browser on a port of this machine.
        private func visited(_ desk: AccountService) async throws(StageError) -> [String] {
            let app = try desk.app()
            let page = try TikTokConfiguration(settings: desk.settings.plain).authorizeURL
            let callback = try callback(desk.settings)
            let state = Visit()
            let (name, scopes, opens) = (account.name, desk.scopes, !printsOnly)
            try await within(desk) { () async throws(StageError) in
                try await callback.wait { redirectURI in
                    let request = LoginRequest(
                        clientKey: app.key, scopes: scopes, redirectURI: redirectURI, usesPKCE: true, asksAgain: true)
                    state.login.withLock { $0 = request }
                    return request.address(at: page)
                } invite: { address, door in
                    if opens, Browser.open(door) {
                        Output.message(
                            "opening TikTok's page in the browser; if it does not open, go to:\n\n  \(address)\n")
                    } else {
                        Output.message("open this address in a browser on this machine:\n\n  \(address)\n")
                    }
                    Output.message("waiting for the login in the browser …")
                } handle: { answer in
                    // Another page may find the port, but it does not know the state parameter of this login.
                    guard let request = state.login.withLock({ $0 }), request.isAnswered(by: answer) else {
                        return .unrelated
                    }
                    do throws(StageError) {
                        let lines = try await desk.connect(name, request, answer)
                        state.outcome.withLock { $0 = .success(lines) }
                        return .finished(
                            title: "Connected", lines: lines + ["You can close this window."], isGood: true)
                    } catch {
                        state.outcome.withLock { $0 = .failure(error) }
                        return .finished(
                            title: "Not connected", lines: [error.message, error.hint ?? ""], isGood: false)
                    }
                }
            }
            guard let result = state.outcome.withLock({ $0 }) else { throw .cancelled }
            return try result.get()
        }

        /// The state of a login, shared by the callbacks of its requests.
        private final class Visit: Sendable {
            let login = Mutex<LoginRequest?>(nil)
            let outcome = Mutex<Result<[String], StageError>?>(nil)
        }

        /// Reads the redirect address from standard input, for machines without a browser and for web redirect URIs.
        private func pasted(_ desk: AccountService) async throws(StageError) -> [String] {
            let app = try desk.app()
            let page = try TikTokConfiguration(settings: desk.settings.plain).authorizeURL
            let redirectURI = desk.settings["TIKTOK_REDIRECT_URI"] ?? "http://127.0.0.1:\(port ?? 3455)/callback/"
            let request = LoginRequest(
                clientKey: app.key, scopes: desk.scopes, redirectURI: redirectURI,
                usesPKCE: redirectURI.hasPrefix("http:"), asksAgain: true)
            Output.message(
                """
                open this address in any browser:

                  \(request.address(at: page))

                then paste the address it was redirected to (the page itself need not load) and press return:
                """)
            let line = try await BlockingWork.run(name: "stdin") { (_) throws(StageError) in readLine() }
            guard let line, let answer = LoginAnswer(address: line) else {
                throw StageError(
                    .notAuthorised, "the address has no code in it",
                    hint: "copy the whole address from the browser's address bar; it starts with \(redirectURI)?code=…")
            }
            return try await desk.connect(account.name, request, answer)
        }

        private func callback(_ settings: Settings) throws(StageError) -> LoopbackCallback {
            guard let registered = settings["TIKTOK_REDIRECT_URI"] else { return LoopbackCallback(port: port) }
            guard let callback = LoopbackCallback(redirectURI: registered, port: port) else {
                throw StageError(
                    .configuration, "TIKTOK_REDIRECT_URI is \(registered), which does not point to this machine",
                    hint:
                        "log in with --paste, or set it to a desktop redirect URI such as http://127.0.0.1:3455/callback/"
                )
            }
            return callback
        }

        /// Runs `body` with the limit of `--timeout`.
        private func within(
            _ desk: AccountService, _ body: @escaping @Sendable () async throws(StageError) -> Void
        ) async throws(StageError) {
            let limit = timeout
            let result = await withTaskGroup(of: Result<Void, StageError>.self) { group in
                group.addTask {
                    do throws(StageError) {
                        return .success(try await body())
                    } catch {
                        return .failure(error)
                    }
                }
                group.addTask {
                    guard (try? await Task.sleep(for: limit)) != nil else { return .failure(.cancelled) }
                    return .failure(
                        StageError(
                            .notAuthorised, "no login within \(limit.spoken)",
                            hint: "run the command again; on a machine without a browser, use --paste"))
                }
                defer { group.cancelAll() }
                return await group.next() ?? .failure(.cancelled)
            }
            try result.get()
        }
    }
}

private enum Browser {
    /// Opens an address in the user's browser. Returns false if there is none.
    static func open(_ address: String) -> Bool {
        #if os(macOS)
            let opener = "/usr/bin/open"
        #else
            let environment = ProcessInfo.processInfo.environment
            guard environment["DISPLAY"] != nil || environment["WAYLAND_DISPLAY"] != nil,
                let opener = (environment["PATH"] ?? "").split(separator: ":").map({ "\($0)/xdg-open" }).first(
                    where: FileManager.default.isExecutableFile)
            else { return false }
        #endif
        let process = Process()
        process.executableURL = URL(filePath: opener)
        process.arguments = [address]
        process.environment = ProcessInfo.processInfo.environment.filter {
            !Settings.secretNames.contains($0.key) && !$0.key.hasPrefix("TIKTOK_")
        }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        return (try? process.run()) != nil
    }
}
