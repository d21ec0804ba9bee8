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
        abstract: "Serve what TikTok and browsers call: webhooks, and the login for web apps.",
        discussion: """
            POST /webhook/tiktok takes TikTok's webhooks: runs that wait for their post end without asking TikTok. \
            GET /auth/tiktok/login?account=NAME sends a browser to TikTok's consent page, GET /auth/tiktok/callback \
            takes it back; TIKTOK_REDIRECT_URI is that address as the world sees it, and without it there is no login. \
            Plain HTTP: put it behind a proxy that speaks TLS and decides who may log in.
            """)

    @Option(help: "The address to listen on.") var host = "127.0.0.1"
    @Option(help: "The port; any that is free when 0.") var port = 8080
    @Option(help: ArgumentHelp("Database: sqlite:PATH or postgres://…", valueName: "url")) var db: String?

    func run() async throws {
        let settings = try await Command.settings()
        try await Command.orExit { () async throws(StageError) in
            do throws(StageError) {
                try await Interruption.cancelling { () async throws(StageError) in try await serve(settings) }
            } catch {
                if error.code != .cancelled { throw error }
            }
        }
    }

    private func serve(_ settings: Settings) async throws(StageError) {
        let assembly = try await HostAssembly.open(settings, database: db)
        let desk = AccountDesk(settings: settings, assembly: assembly)
        let app = try desk.app()
        let claims = SQLClaims(assembly.store)
        let desks = WebhookDesk(
            settings: settings, assembly: assembly, claims: claims, logger: Log.make("serve", settings: settings))
        let webhooks = WebhookController(
            WebhookController.Host(
                secret: app.secret, tolerance: try tolerance(settings), now: assembly.store.clock.now,
                take: { (event) throws(StageError) in try await desks.take(event) }))
        let auth = try settings["TIKTOK_REDIRECT_URI"].map { (address) throws(StageError) in
            try controller(address, app.key, desk, claims)
        }
        try await WebServer(host: host, port: port).run(auth: auth, webhooks: webhooks) { port in
            Output.result("listening on http://\(host):\(port)")
        }
    }

    /// How far a webhook's time of signing may lie from now.
    private func tolerance(_ settings: Settings) throws(StageError) -> Duration {
        guard let text = settings["TIKTOK_WEBHOOK_TOLERANCE"] else { return .seconds(300) }
        guard let tolerance = Duration(parsing: text), tolerance > .zero else {
            throw StageError(
                .configuration, "TIKTOK_WEBHOOK_TOLERANCE is \"\(text)\"", hint: "set it to a duration such as 5m")
        }
        return tolerance
    }

    private func controller(
        _ redirectURI: String, _ clientKey: String, _ desk: AccountDesk, _ claims: SQLClaims
    ) throws(StageError) -> TikTokAuthController {
        let settings = desk.settings
        return TikTokAuthController(
            TikTokAuthController.Host(
                clientKey: clientKey, authorizeURL: try TikTokConfiguration(settings: settings.plain).authorizeURL,
                redirectURI: redirectURI, scopes: desk.scopes, now: desk.assembly.store.clock.now,
                connect: { (name, request, answer) throws(StageError) in try await desk.connect(name, request, answer)
                },
                claim: { (state, end) throws(StageError) in
                    try await claims.take("login:\(ContentDigest.sha256(state.reveal()))", until: end)
                }),
            // The vault's key is the same in all processes of the app, and nobody else has it.
            key: desk.assembly.sealer.derivedKey("login cookies"))
    }
}
