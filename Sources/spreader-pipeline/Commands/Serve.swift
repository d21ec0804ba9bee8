import ArgumentParser
import Crypto
import Foundation
import PipelineKit
import Server
import Store
import TikTok

/// `serve`: the addresses that browsers and TikTok call.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the login for web apps.",
        discussion: """
            GET /auth/tiktok/login?account=NAME sends a browser to TikTok's consent page, GET /auth/tiktok/callback \
            takes it back; TIKTOK_REDIRECT_URI is that address as the world sees it. Plain HTTP: put it behind a proxy \
            that speaks TLS and decides who may log in.
            """)

    @Option(help: "The address to listen on.") var host = "127.0.0.1"
    @Option(help: "The port; any that is free when 0.") var port = 8080
    @Option(help: ArgumentHelp("Database, sqlite:PATH.", valueName: "url")) var db: String?

    func run() async throws {
        let settings = try await Command.settings()
        let work = Task { () async -> StageError? in
            do throws(StageError) {
                try await serve(settings)
                return nil
            } catch {
                return error.code == .cancelled ? nil : error
            }
        }
        let interruption = Interruption {
            work.cancel()
        } giveUp: {
        }
        defer { interruption.stop() }
        let failure = await work.value
        try await Command.orExit { () async throws(StageError) in if let failure { throw failure } }
    }

    private func serve(_ settings: Settings) async throws(StageError) {
        let assembly = try HostAssembly(settings: settings, database: db)
        let desk = AccountDesk(settings: settings, assembly: assembly)
        let app = try desk.app()
        guard let redirectURI = settings["TIKTOK_REDIRECT_URI"] else {
            throw StageError(
                .configuration, "TIKTOK_REDIRECT_URI is not set",
                hint: "set it to the address of /auth/tiktok/callback as registered in TikTok's developer portal")
        }
        let claims = SQLiteClaims(assembly.store, now: { Date() })
        let controller = TikTokAuthController(
            TikTokAuthController.Host(
                clientKey: app.key, authorizeURL: try TikTokConfiguration(settings: settings.plain).authorizeURL,
                redirectURI: redirectURI, scopes: desk.scopes, now: { Date() },
                connect: { (name, request, answer) throws(StageError) in try await desk.connect(name, request, answer)
                },
                claim: { (state, end) throws(StageError) in
                    try await claims.take("login:\(ContentDigest.sha256(state.reveal()))", until: end)
                }),
            // The vault's key is the same in all processes of the app, and nobody else has it.
            key: assembly.sealer.derivedKey("login cookies"))
        try await WebServer(host: host, port: port).run(auth: controller) { port in
            Output.result("listening on http://\(host):\(port)")
        }
    }
}
